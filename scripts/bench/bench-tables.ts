import type { Interval } from '../../src/stats/interval.ts';
import { formatTable } from '../../src/ui/table.ts';
import type { Family } from './family.ts';
import type { MeasuredRatio, MeasuredValue, Outcome } from './outcome.ts';

/** Both tables as text. */
export function benchTables({ measurements, ratios }: Pick<Outcome, 'measurements' | 'ratios'>): string {
  const values = formatTable(measurements.map(valueRow), {
    header: ['measurement', 'median', '95 % interval', 'unit', 'blocks', 'settings'],
    align: ['left', 'right', 'left', 'left', 'right', 'left'],
  });
  if (ratios.length === 0) return values;
  const table = formatTable(ratios.map(ratioRow), {
    header: ['ratio', 'value', '95 % interval', 'bound', 'met', 'blocks', ''],
    align: ['left', 'right', 'left', 'left', 'left', 'right', 'left'],
  });
  return `${values}\n${table}`;
}

/** What `--list` prints. */
export function listTable(families: readonly Family[]): string {
  const rows = families.flatMap(({ name, ratios, measurements }) => [
    ...ratios.map((ratio) => [name, ratio.name, boundText(ratio.bound)]),
    ...measurements.map((measurement) => [name, measurement.name, measurement.unit]),
  ]);
  return formatTable(rows, { header: ['family', 'name', 'bound or unit'] });
}

function valueRow({ name, median, interval, unit, blocks, settings = '' }: MeasuredValue): string[] {
  return [name, digits(median), intervalText(interval), unit, String(blocks), settings];
}

function ratioRow(ratio: MeasuredRatio): string[] {
  const { name, value, interval, met, judged, wide, blocks, note, problem } = ratio;
  const marks = [...(note === undefined ? [] : [note]), ...(wide ? ['interval wider than 10 %'] : [])].join(', ');
  const verdict = judged === false ? '-' : met ? 'yes' : 'NO';
  return [name, digits(value), intervalText(interval), boundText(ratio), verdict, String(blocks), problem ?? marks];
}

const boundText = (bound: { readonly atLeast: number } | { readonly atMost: number }): string =>
  'atLeast' in bound ? `>= ${bound.atLeast}` : `<= ${bound.atMost}`;

const intervalText = (interval: Interval | null): string =>
  interval === null ? '-' : `${digits(interval[0])}-${digits(interval[1])}`;

/** Three digits that count. */
function digits(value: number | null): string {
  if (value === null) return '-';
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
