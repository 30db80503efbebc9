import type { LinkCalibration } from '../model/records.ts';
import { formatBytes, formatDuration, formatRate } from '../model/units.ts';

/** A matrix parameter in human units, by the unit that its name ends in: `link.roundTrip 10 ms`. */
export function parameterText(name: string, value: number | string): string {
  if (typeof value === 'string') return `${name} ${value}`;
  const [, stem = name, unit] = /^(.*?)(Ms|BytesPerSecond|Bytes)$/u.exec(name) ?? [];
  if (unit === 'Ms')
    return `${stem} ${Number.isInteger(value) && value < 1000 ? `${value} ms` : formatDuration(value)}`;
  if (unit === 'BytesPerSecond') return `${stem} ${formatRate(value)}`;
  if (unit === 'Bytes') return `${stem} ${formatBytes(value)}`;
  return `${name} ${value}`;
}

/** Below this timers are too coarse to add a round trip exactly: the one that was achieved is the one reported. */
const SHORTEST_EXACT_MS = 1;

export const isBelowTimers = (roundTripMs: number): boolean => roundTripMs < SHORTEST_EXACT_MS;

/** `25 ms`; below 1 ms, where it was measured, `0.31 ms measured for 0.2 ms asked`. */
export function roundTripText(askedMs: number, achieved: LinkCalibration | undefined): string {
  const asked = Number.isInteger(askedMs) && askedMs < 1000 ? `${askedMs} ms` : formatDuration(askedMs);
  if (achieved === undefined || !isBelowTimers(askedMs)) return asked;
  return `${formatDuration(achieved.roundTripMs.median)} measured for ${asked} asked`;
}

/** What a name is made of: a case of a report, or one that has not been run yet. */
export interface NamedCase {
  readonly parameters: Readonly<Record<string, number | string>>;
  readonly link?: { readonly achieved?: LinkCalibration };
}

/** What tells a case of a matrix from the others, for people; `the only case` without a matrix. */
export function caseName({ parameters, link }: NamedCase): string {
  const texts = Object.entries(parameters).map(([name, value]) =>
    name === 'link.roundTripMs' && typeof value === 'number'
      ? `link.roundTrip ${roundTripText(value, link?.achieved)}`
      : parameterText(name, value),
  );
  return texts.length === 0 ? 'the only case' : texts.join(', ');
}
