import { intervalText, ratioText } from '../analysis/ratio-text.ts';
import { compareMeasurements } from '../hardware/compare-profiles.ts';
import { BUSY_CORE_SHARE, coreShare } from '../hardware/core-share.ts';
import {
  predictRestore,
  sensibleDecodeThreads,
  type PredictionOptions,
  type RestorePrediction,
} from '../hardware/predict-restore.ts';
import type { PrimitiveName } from '../hardware/primitive-names.ts';
import type { Primitive } from '../hardware/primitive.ts';
import { primitives } from '../hardware/primitives.ts';
import type { HardwareProfile, Measurement } from '../hardware/profile.ts';
import {
  findMeasurement,
  summariseMeasurement,
  type Estimate,
  type MeasurementSummary,
} from '../hardware/summarise-measurement.ts';
import { metricValue } from '../model/metric.ts';
import { formatRate, formatShare, GB, MB } from '../model/units.ts';
import { fittingColumns } from '../ui/fitting-columns.ts';
import type { Style } from '../ui/style.ts';
import { formatTable } from '../ui/table.ts';
import { wrapText } from '../ui/wrap-text.ts';

export interface DescribeOptions {
  readonly style: Style;
  /** Columns of the terminal; a pipe gets whole tables. */
  readonly width?: number;
}

/** Where nothing says how wide the reader's window is. */
const WIDTH_OF_SENTENCES = 100;

/** The kinds of image that predictions are made for: 1 is stored uncompressed. */
const predictedRatios = [1, 2] as const;

interface PredictedRestore {
  readonly options: PredictionOptions;
  readonly prediction: RestorePrediction;
}

/** The profile with what follows from it, for programs: `summaries` and `restores`. */
export function profileWithFindings(profile: HardwareProfile): object {
  return {
    ...profile,
    summaries: profile.measurements.flatMap((one) => {
      const summary = summariseMeasurement(one);
      return summary === undefined ? [] : [{ name: one.name, threads: one.threads, unit: one.unit, ...summary }];
    }),
    restores: predictAll(profile).map(({ options, prediction }) => ({ ...options, ...prediction })),
  };
}

/** What was measured and what it means for a restore, as text; the first line says what matters most. */
export function describeHardware(profile: HardwareProfile, { style, width }: DescribeOptions): string {
  const restores = predictAll(profile);
  const paragraph = (text: string): string => `${wrapText(text, width ?? WIDTH_OF_SENTENCES)}\n`;
  const parts = [
    style.bold(wrapText(headline(profile, restores), width ?? Infinity)),
    '\n\n',
    primitiveTable(profile, { style, ...(width === undefined ? {} : { width }) }),
    '\n',
    style.dim(
      paragraph(
        `Medians of ${profile.method.rounds} rounds of ${profile.method.roundMs} ms, in brackets the 95 % interval of their geometric mean. ` +
          'GB/CPU s counts user and system time of the measuring process. PBS: what `proxmox-backup-client benchmark` compares with.',
      ).trimEnd(),
    ),
    '\n',
    ...(profile.acceleration === undefined
      ? []
      : ['\n', accelerationTable(profile, { style, ...(width === undefined ? {} : { width }) })]),
    ...unavailableLines(profile).map(paragraph),
    ...busyLines(profile).map((line) => style.yellow(paragraph(line).trimEnd()) + '\n'),
    ...(canPredict(restores) ? ['\n', restoreTable(profile, restores, style), paragraph(sharedCores(profile))] : []),
  ];
  return parts.join('');
}

function predictAll(profile: HardwareProfile): readonly PredictedRestore[] {
  return predictedRatios.flatMap((compressionRatio) =>
    sensibleDecodeThreads(profile.host.cores).map((decodeThreads) => {
      const options = { compressionRatio, decodeThreads, target: 'discard', server: 'elsewhere' } as const;
      return { options, prediction: predictRestore(profile, options) };
    }),
  );
}

const canPredict = (restores: readonly PredictedRestore[]): boolean =>
  restores.some(({ prediction }) => 'value' in prediction.bytesPerSecond);

function headline({ host }: HardwareProfile, restores: readonly PredictedRestore[]): string {
  const machine = `${host.cpuModel ?? host.arch}, ${host.cores} ${host.cores === 1 ? 'core' : 'cores'}`;
  const [plain, compressed] = predictedRatios.map((ratio) => best(restores, ratio));
  if (plain === undefined || compressed === undefined)
    return `${machine}: too few primitives were measured to say what a restore can reach.`;
  return `A restore on this machine can reach ${describeBest(plain)} with uncompressed chunks and ${describeBest(compressed)} with 2:1 ones (${machine}).`;
}

/** The fastest, and of equally fast ones the one with the fewest threads. */
function best(restores: readonly PredictedRestore[], ratio: number): PredictedRestore | undefined {
  let found: PredictedRestore | undefined;
  for (const one of restores) {
    if (one.options.compressionRatio !== ratio || !('value' in one.prediction.bytesPerSecond)) continue;
    if (found === undefined || rateOf(one) > rateOf(found) * 1.02) found = one;
  }
  return found;
}

const rateOf = ({ prediction }: PredictedRestore): number => metricValue(prediction.bytesPerSecond) ?? 0;

function describeBest(one: PredictedRestore): string {
  return `${formatRate(rateOf(one))} (limit: ${one.prediction.limit ?? 'unknown'})`;
}

function primitiveTable(
  { measurements, method }: HardwareProfile,
  { style, width = Infinity }: DescribeOptions,
): string {
  const most = Math.max(...method.threads);
  // In a narrow window the reference values are worth more than a second interval.
  const ofMany = (unit: Measurement['unit'], estimate: Estimate): string =>
    width < WIDTH_OF_SENTENCES ? rateText(unit, estimate.median) : estimateText(unit, estimate);
  const header = [
    'primitive',
    '1 thread',
    ...(most > 1 ? [`${most} threads`] : []),
    'GB/CPU s',
    'PBS',
    ...(most > 1 ? ['scaling'] : []),
    'what it is',
  ];
  const rows = measurements
    .filter(({ threads }) => threads === 1)
    .map((one) => {
      const alone = summariseMeasurement(one);
      const manyOf = findMeasurement(measurements, one.name, most);
      const many = manyOf === undefined ? undefined : summariseMeasurement(manyOf);
      const primitive = primitives[one.name as PrimitiveName] as Primitive | undefined;
      const reference = primitive?.pbsBytesPerSecond;
      return [
        one.name,
        alone === undefined ? 'unknown' : estimateText(one.unit, alone.perSecond),
        ...(most > 1 ? [many === undefined ? 'unknown' : ofMany(one.unit, many.perSecond)] : []),
        one.unit === 'bytes' ? cpuText(alone) : '',
        reference === undefined ? '' : `${reference / MB} MB/s`,
        ...(most > 1 ? [scalingText(alone, many)] : []),
        primitive?.what ?? '',
      ];
    });
  return draw([header, ...rows], { style, width, kept: 3, lastIsText: true });
}

function draw(
  rows: readonly (readonly string[])[],
  {
    style,
    width,
    kept,
    lastIsText = false,
  }: { readonly style: Style; readonly width: number; readonly kept: number; readonly lastIsText?: boolean },
): string {
  const columns = rows[0]?.length ?? 0;
  const align = rows[0]?.map((_, column) =>
    column === 0 || (lastIsText && column === columns - 1) ? 'left' : 'right',
  );
  const [header = [], ...body] = fittingColumns(rows, { width, kept });
  const [first = '', ...lines] = formatTable([header, ...body], { align: align ?? [] }).split('\n');
  return [style.dim(first), ...lines].join('\n');
}

function estimateText(unit: Measurement['unit'], { median, interval }: Estimate): string {
  const rate = rateText(unit, median);
  if (interval === undefined) return rate;
  const [scale, digits] = scaleOf(unit, median);
  return `${rate} (${interval.map((end) => (end / scale).toFixed(digits)).join('-')})`;
}

function rateText(unit: Measurement['unit'], perSecond: number): string {
  const [scale, digits, name] = scaleOf(unit, perSecond);
  return `${(perSecond / scale).toFixed(digits)} ${name}`;
}

/** Three digits or so, whatever the size: a copy and an event loop stand in the same column. */
function scaleOf(unit: Measurement['unit'], perSecond: number): readonly [scale: number, digits: number, name: string] {
  if (unit === 'operations') return [1000, perSecond < 100_000 ? 1 : 0, 'k/s'];
  if (perSecond >= 100 * GB) return [GB, 0, 'GB/s'];
  if (perSecond >= GB) return [GB, 2, 'GB/s'];
  return [MB, perSecond < 100 * MB ? 1 : 0, 'MB/s'];
}

const cpuText = (summary: MeasurementSummary | undefined): string =>
  summary?.perCpuSecond === undefined ? 'unknown' : gbText(summary.perCpuSecond.median);

const gbText = (bytes: number): string => (bytes / GB).toFixed(bytes < 100 * GB ? 2 : 0);

const scalingText = (alone: MeasurementSummary | undefined, many: MeasurementSummary | undefined): string =>
  alone === undefined || many === undefined ? '' : `${ratioText(many.perSecond.median / alone.perSecond.median)} x`;

/** With and without, by CPU time: what an instruction is worth does not depend on who else uses the cores. */
function accelerationTable(
  { measurements, acceleration }: HardwareProfile,
  { style, width = Infinity }: DescribeOptions,
): string {
  if (acceleration === undefined) return '';
  const { without, environment } = acceleration;
  const compared = compareMeasurements(measurements, acceleration.measurements).filter(
    ({ threads }) => threads.of === 1,
  );
  const rows = compared.map(({ name, perCpuSecond, perSecond }) => {
    const cpu = (of: readonly Measurement[]): string => {
      const found = findMeasurement(of, name, 1);
      return cpuText(found === undefined ? undefined : summariseMeasurement(found));
    };
    const { ratio, interval, verdict } = perCpuSecond ?? perSecond;
    return [
      name,
      cpu(measurements),
      cpu(acceleration.measurements),
      `${ratioText(ratio)} x${interval === undefined ? '' : ` (${intervalText(ratio, interval)})`}`,
      verdict === 'not-distinguishable' ? 'not distinguishable' : '',
    ];
  });
  const title = `What ${without.join(' and ')} instructions are worth, one thread (${environment}):`;
  const header = ['primitive', 'GB/CPU s', 'without', 'ratio', ''];
  return `${style.bold(title)}\n${draw([header, ...rows], { style, width, kept: 4, lastIsText: true })}`;
}

function unavailableLines({ measurements }: HardwareProfile): readonly string[] {
  return measurements.flatMap((one) =>
    'unavailable' in one
      ? [`unknown: ${one.name} on ${one.threads} ${one.threads === 1 ? 'thread' : 'threads'}: ${one.unavailable}`]
      : [],
  );
}

function busyLines(profile: HardwareProfile): readonly string[] {
  const share = coreShare(profile);
  if (share === undefined || share >= BUSY_CORE_SHARE) return [];
  return [
    `warning busy-machine: other load left a computing thread a core for ${formatShare(share)} of its time: compare CPU time (GB/CPU s), not rates, or measure again when the machine is idle.`,
  ];
}

function restoreTable(profile: HardwareProfile, restores: readonly PredictedRestore[], style: Style): string {
  const header = ['decode threads', 'uncompressed', 'limit', '2:1', 'limit'];
  const rows = sensibleDecodeThreads(profile.host.cores).map((threads) => [
    String(threads),
    ...predictedRatios.flatMap((ratio) => {
      const found = restores.find(
        ({ options }) => options.decodeThreads === threads && options.compressionRatio === ratio,
      );
      return found === undefined ? ['unknown', ''] : [formatRate(rateOf(found)), found.prediction.limit ?? ''];
    }),
  ]);
  const [first = '', ...lines] = formatTable([header, ...rows], {
    align: ['right', 'right', 'left', 'right', 'left'],
  }).split('\n');
  const title = 'What these allow a restore to reach, from a server on another machine:';
  return [style.bold(title), style.dim(first), ...lines].join('\n');
}

/** What the client costs where the server is an embedded one, and why no rate is named for that. */
function sharedCores(profile: HardwareProfile): string {
  const decodeThreads = profile.host.cores;
  const [plain, compressed] = predictedRatios.map((compressionRatio) =>
    predictRestore(profile, { compressionRatio, decodeThreads, target: 'discard', server: 'here' }),
  );
  const cpu = (one: RestorePrediction | undefined): string => {
    const value = one === undefined ? undefined : metricValue(one.cpuSecondsPerGb);
    return value === undefined ? 'unknown' : `${value.toFixed(2)} s`;
  };
  const costs = `Client CPU time per GB of data: ${cpu(plain)} uncompressed, ${cpu(compressed)} 2:1.`;
  if (plain === undefined || 'value' in plain.bytesPerSecond) return costs;
  return `${costs} Beside an embedded server no rate is predicted: ${plain.bytesPerSecond.unavailable}.`;
}
