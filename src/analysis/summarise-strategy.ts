import type { StrategySettings } from '../model/environment.ts';
import type { ExternalRecord } from '../model/external.ts';
import { metric, metricValue, unavailable, type Metric } from '../model/metric.ts';
import { rateNames, type RateName } from '../model/objective.ts';
import type { RecordedImage, TrialRecord } from '../model/records.ts';
import type { StrategyReport, Throughput, TrialReport } from '../model/report.ts';
import { GB } from '../model/units.ts';
import { logInterval } from '../stats/interval.ts';
import { mean } from '../stats/mean.ts';
import { median, quantileOfSorted } from '../stats/quantile.ts';
import { chunkTimes, phaseShares } from './chunk-times.ts';
import { clientFigure, clientPartsOf } from './client-parts.ts';
import { checkLittlesLaw } from './littles-law.ts';
import { measuredTrials, rateOf, type MeasuredTrial } from './measured-trials.ts';
import { writeDisplacements } from './write-displacement.ts';

const NO_TRIAL = 'no trial was measured';
const NO_SPANS = 'no chunk times were recorded';
const BLACK_BOX = 'a program shows no chunks';

/** Everything a report says of one strategy in one case, from all its trials in that case. */
export function summariseStrategy(
  settings: StrategySettings,
  trials: readonly TrialRecord[],
  image: RecordedImage | undefined,
): StrategyReport {
  const measured = measuredTrials(trials);
  const spans = measured.flatMap((trial) => trial.spans ?? []);
  const chunks = spans.flatMap(chunkTimes);
  const latencies = sorted(chunks.map(({ startMs, endMs }) => endMs - startMs));
  const waits = sorted(chunks.flatMap(({ headOfLineWaitMs }) => headOfLineWaitMs ?? []));
  const displacements = sorted(spans.flatMap(writeDisplacements));
  const reason = measured.length === 0 ? NO_TRIAL : settings.external === undefined ? NO_SPANS : BLACK_BOX;
  const at = (values: readonly number[], share: number): Metric => orReason(quantileOfSorted(values, share), reason);
  const throughput: Partial<Record<RateName, Throughput>> = {};
  for (const rate of rateNames) {
    const summary = summariseRate(measured, rate);
    if (summary !== undefined) throughput[rate] = summary;
  }
  const peaks = measured.flatMap(({ counters }) => clientPartsOf(counters)?.peakBufferedBytes ?? []);
  return {
    name: settings.name,
    label: settings.label,
    knobs: settings.external === undefined ? { ...settings.knobs } : {},
    throughput,
    cpuSecondsPerGb: {
      client: cpuSecondsPerGb(measured, ({ counters }) => counters?.client.cpuMs),
      server: cpuSecondsPerGb(measured, ({ counters }) => counters?.server.cpuMs),
      proof: cpuSecondsPerGb(measured, ({ counters }) => clientFigure(counters, ({ proofCpuMs }) => proofCpuMs)),
    },
    chunkLatencyMs: {
      p50: at(latencies, 0.5),
      p95: at(latencies, 0.95),
      p99: at(latencies, 0.99),
      max: at(latencies, 1),
    },
    phaseShares: phaseShares(chunks) ?? {},
    writeDisplacement: { mean: orReason(mean(displacements), reason), max: at(displacements, 1) },
    headOfLineWaitMs: { p50: at(waits, 0.5), p95: at(waits, 0.95), max: at(waits, 1) },
    peakBufferedBytes:
      peaks.length === 0 ? unavailable(measured.length === 0 ? NO_TRIAL : BLACK_BOX) : metric(Math.max(...peaks)),
    littlesLaw: checkLittlesLaw(measured, image),
    trials: trials.map(reportTrial),
  };
}

/** Median of one rate, and the 95 % interval of its geometric mean; undefined without a measured trial, or where no such byte was restored or counted. */
function summariseRate(trials: readonly MeasuredTrial[], rate: RateName): Throughput | undefined {
  const rates = trials.flatMap((trial) => rateOf(trial, rate) ?? []);
  const medianBytesPerSecond = median(rates);
  if (medianBytesPerSecond === undefined || !(medianBytesPerSecond > 0)) return undefined;
  const interval = logInterval(rates);
  return { medianBytesPerSecond, ...(interval === undefined ? {} : { interval }) };
}

function cpuSecondsPerGb(
  trials: readonly MeasuredTrial[],
  cpuMs: (trial: MeasuredTrial) => Metric | undefined,
): Metric {
  if (trials.length === 0) return unavailable(NO_TRIAL);
  const readings = trials.map((trial) => ({ trial, cpu: cpuMs(trial) ?? unavailable('not counted') }));
  const values = readings.flatMap(({ trial, cpu }) => {
    const ms = metricValue(cpu);
    return ms === undefined || trial.bytes.data === 0 ? [] : [ms / 1000 / (trial.bytes.data / GB)];
  });
  const value = median(values);
  if (value !== undefined) return metric(value);
  const missing = readings.map(({ cpu }) => cpu).find((cpu) => 'unavailable' in cpu);
  return missing ?? unavailable('the image has no data chunks');
}

function reportTrial(trial: TrialRecord): TrialReport {
  const { index, block, status, warmUp, durationMs, verified, notVerifiable, proof, sha256, bytes, error, external } =
    trial;
  return {
    index,
    block,
    status,
    warmUp,
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(verified === undefined ? {} : { verified }),
    ...(notVerifiable === undefined ? {} : { notVerifiable }),
    ...(proof === undefined ? {} : { proof: proof.method }),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(error === undefined ? {} : { error }),
    ...(external === undefined ? {} : { external: reportedProgram(external) }),
  };
}

/** Samples and environment stay in the records. */
function reportedProgram({
  samples: _samples,
  env: _env,
  ...external
}: ExternalRecord): NonNullable<TrialReport['external']> {
  return external;
}

function sorted(values: readonly number[]): readonly number[] {
  return values.toSorted((a, b) => a - b);
}

function orReason(value: number | undefined, reason: string): Metric {
  return value === undefined ? unavailable(reason) : metric(value);
}
