import type { TargetSettings } from '../model/environment.ts';
import { metric, metricValue, unavailable, type Metric, type UseRow } from '../model/metric.ts';
import type { CaseRecord, RunRecord } from '../model/records.ts';
import { phases, type Comparison, type Phase } from '../model/report.ts';
import { mean } from '../stats/mean.ts';
import { median } from '../stats/quantile.ts';
import { chunkTimes, phaseShares } from './chunk-times.ts';
import { meanInFlight } from './littles-law.ts';
import { wireShare, type MeasuredTrial } from './measured-trials.ts';
import { measureResources, type MeasuredResource } from './resource-rules.ts';

/** Name of the evidence. */
export const MACHINE_EVIDENCE = 'cores of this machine, all programs';
const NOT_SAMPLED = unavailable('not sampled');

/** Name of the evidence. */
export const OWN_RATE_EVIDENCE = 'rate that the scenario allows (server.maxRate)';

/** What verdict and sentences are made from; all of it measured. */
export interface Findings {
  /** Against a real server, whose link, cores and disks are not counted. */
  readonly isReal: boolean;
  readonly strategy: string;
  readonly inFlight: number;
  readonly target: TargetSettings;
  /** One chunk at a time is what `sequential` is, and a program has no window: the scenario refuses `inFlight` for them. */
  readonly isWindowFixed: boolean;
  readonly resources: readonly MeasuredResource[];
  /** What all programs used of this machine's cores; only of a run against a real server, where nobody counts them all. */
  readonly machine?: Metric;
  /** Share of `server.maxRate` that came over the wire; absent without one. */
  readonly ownRate?: Metric;
  /** The known utilization that is largest. */
  readonly busiest?: { readonly name: string; readonly share: number };
  /** Mean number in flight over `inFlight`. */
  readonly slotUse: Metric;
  readonly shares: Partial<Readonly<Record<Phase, number>>>;
  /** Mean time of a chunk from request to written. */
  readonly chunkMs?: number;
  readonly comparisons: readonly Comparison[];
}

/** The figures of the first strategy of a case; shares are medians over its measured trials. */
export function gatherFindings(
  run: RunRecord,
  record: CaseRecord,
  trials: readonly MeasuredTrial[],
  comparisons: readonly Comparison[],
  use: readonly UseRow[],
): Findings {
  const [subject] = record.settings.strategies;
  const inFlight = subject?.knobs.inFlight ?? 1;
  const resources = measureResources(trials, { record, run });
  const isReal = run.mode === 'real';
  const machine = isReal ? (use.find(({ resource }) => resource === 'cpu')?.utilization ?? NOT_SAMPLED) : undefined;
  const ownRate = ownRateUse(record, trials);
  const busiest = [
    ...resources,
    ...(machine === undefined ? [] : [{ name: MACHINE_EVIDENCE, measured: machine }]),
    ...(ownRate === undefined ? [] : [{ name: OWN_RATE_EVIDENCE, measured: ownRate }]),
  ]
    .flatMap(({ name, measured }) => ('value' in measured ? [{ name, share: measured.value }] : []))
    .toSorted((a, b) => b.share - a.share)[0];
  const slotUse = median(trials.flatMap((trial) => meanInFlight(trial) ?? []).map((held) => held / inFlight));
  const chunksOfTrials = trials.flatMap(({ spans }) => (spans === undefined ? [] : [chunkTimes(spans)]));
  const sharesOfTrials = chunksOfTrials.flatMap((chunks) => phaseShares(chunks) ?? []);
  const shares: Partial<Record<Phase, number>> = {};
  for (const phase of phases) {
    const share = median(sharesOfTrials.map((one) => one[phase]));
    if (share !== undefined) shares[phase] = share;
  }
  const chunkMs = median(
    chunksOfTrials.flatMap((chunks) => mean(chunks.map(({ startMs, endMs }) => endMs - startMs)) ?? []),
  );
  return {
    isReal,
    strategy: subject?.label ?? 'no strategy',
    isWindowFixed: subject?.name === 'sequential' || subject?.knobs.inFlight === undefined,
    inFlight,
    target: record.settings.target,
    resources,
    ...(machine === undefined ? {} : { machine }),
    ...(ownRate === undefined ? {} : { ownRate }),
    ...(busiest === undefined ? {} : { busiest }),
    slotUse: slotUse === undefined ? unavailable('no chunk times were recorded') : metric(slotUse),
    shares,
    ...(chunkMs === undefined ? {} : { chunkMs }),
    comparisons,
  };
}

function ownRateUse({ settings: { server } }: CaseRecord, trials: readonly MeasuredTrial[]): Metric | undefined {
  if (server.kind !== 'pbs' || server.maxRateBytesPerSecond === undefined) return undefined;
  const allowed = server.maxRateBytesPerSecond;
  const shares = trials.map((trial) => wireShare(trial, allowed));
  const value = median(shares.flatMap((share) => metricValue(share) ?? []));
  return value === undefined ? (shares[0] ?? unavailable('no trial was measured')) : metric(Math.min(value, 1));
}
