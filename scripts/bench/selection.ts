import type { Family } from './family.ts';

/** The part of a family that is to be measured. */
export interface Selection {
  readonly family: Family;
  /** Names of its measurements. */
  readonly measurements: ReadonlySet<string>;
  /** Names of its ratios. */
  readonly ratios: ReadonlySet<string>;
}

/**
 * What `--only` leaves: a name is that of a family (all of it), of a ratio (what it is made of), or of a measurement.
 * Everything without names.
 * @throws Error that lists the known names where one is not known
 */
export function select(families: readonly Family[], only: readonly string[]): readonly Selection[] {
  const known = families.flatMap(namesOf);
  const unknown = only.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`nothing is called ${unknown.join(', ')}; known: ${known.join(', ')}`);
  return families.map((family) => selectFrom(family, only)).filter(({ measurements }) => measurements.size > 0);
}

const namesOf = ({ name, ratios, measurements }: Family): string[] => [
  name,
  ...ratios.map((ratio) => ratio.name),
  ...measurements.map((measurement) => measurement.name),
];

function selectFrom(family: Family, only: readonly string[]): Selection {
  const isWhole = only.length === 0 || only.includes(family.name);
  const ratios = family.ratios.filter(({ name }) => isWhole || only.includes(name));
  const measurements = family.measurements.filter(({ name }) => isWhole || only.includes(name));
  return {
    family,
    ratios: new Set(ratios.map(({ name }) => name)),
    measurements: new Set([...measurements.map(({ name }) => name), ...ratios.flatMap(({ needs }) => needs)]),
  };
}
