import { intervalText, ratioText } from '../analysis/ratio-text.ts';
import type { Metric } from '../model/metric.ts';
import type { Comparison, ComparisonVerdict, ObjectiveReport, Throughput, VerdictCode } from '../model/report.ts';
import { formatBytes, formatDuration, formatRate, formatShare, GB, MB } from '../model/units.ts';

/** A value in human units, or `unknown: reason`. */
export function metricText(metric: Metric, format: (value: number) => string): string {
  return 'value' in metric ? format(metric.value) : `unknown: ${metric.unavailable}`;
}

/** `302 MB/s (296-306)`: median and the 95 % interval of the geometric mean in one unit; the caller names the rate. */
export function throughputText(throughput: Throughput | undefined): string {
  if (throughput === undefined) return 'unknown: not measured';
  const { medianBytesPerSecond, interval } = throughput;
  const rate = formatRate(medianBytesPerSecond);
  if (interval === undefined) return rate;
  const [unit, digits] = rateUnit(medianBytesPerSecond);
  return `${rate} (${interval.map((end) => (end / unit).toFixed(digits)).join('-')})`;
}

/** The unit and digits that `formatRate` uses for a rate, so that an interval beside it reads alike. */
function rateUnit(bytesPerSecond: number): readonly [unit: number, digits: number] {
  if (bytesPerSecond >= GB) return [GB, 2];
  if (bytesPerSecond >= 100 * MB) return [MB, 0];
  return [bytesPerSecond >= MB ? MB : 1000, 1];
}

/** `4.2 x (4.1-4.2)`, or why there is none. */
export function ratioAndInterval({ ratio, interval, pairs }: Comparison): string {
  if (ratio === undefined)
    return pairs === 0 ? 'unknown: no block in which both were measured' : 'unknown: no data bytes';
  return `${ratioText(ratio)} x${interval === undefined ? '' : ` (${intervalText(ratio, interval)})`}`;
}

export const comparisonNames: Readonly<Record<ComparisonVerdict, string>> = {
  faster: 'faster',
  slower: 'slower',
  'not-distinguishable': 'not distinguishable',
  inconclusive: 'inconclusive',
};

export const verdictNames: Readonly<Record<VerdictCode, string>> = {
  'serialised-by-latency': 'serialised by latency',
  link: 'limited by the link',
  storage: 'limited by the storage',
  target: 'limited by the target',
  'client-cpu': 'limited by the client CPU',
  'server-cpu': 'limited by the server CPU',
  'emulator-bound': 'limited by the link emulator',
  inconclusive: 'inconclusive',
};

/** A plain number with as many digits as tell something: `15`, `1.6`, `0.42`. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(Math.abs(value) < 1 ? 2 : 1);
}

/** A saturation with its unit; the units that start with `bytes` and `share` are said as people do. */
export function saturationText(saturation: Metric, unit: string | undefined): string {
  return metricText(saturation, (value) => {
    if (unit === undefined) return formatNumber(value);
    const [first = '', ...others] = unit.split(' ');
    const rest = others.length === 0 ? '' : ` ${others.join(' ')}`;
    if (first === 'bytes') return `${formatBytes(value)}${rest}`;
    if (first === 'share') return `${formatShare(value)}${rest}`;
    return `${formatNumber(value)} ${unit}`;
  });
}

/** What was measured of an objective, in its unit. */
export function objectiveText({ measured, unit }: ObjectiveReport): string {
  if (measured === undefined || unit === undefined) return 'unknown';
  return objectiveUnits[unit](measured);
}

const objectiveUnits: Readonly<Record<NonNullable<ObjectiveReport['unit']>, (value: number) => string>> = {
  ratio: (value) => `${value.toFixed(2)} x`,
  bytesPerSecond: formatRate,
  secondsPerGb: (value) => `${value.toFixed(2)} CPU s/GB`,
  ms: formatDuration,
  bytes: formatBytes,
};
