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

/** What tells a case of a matrix from the others, for people; `the only case` without a matrix. */
export function caseName(parameters: Readonly<Record<string, number | string>>): string {
  const texts = Object.entries(parameters).map(([name, value]) => parameterText(name, value));
  return texts.length === 0 ? 'the only case' : texts.join(', ');
}
