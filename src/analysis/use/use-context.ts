import type { StrategySettings } from '../../model/environment.ts';
import { metric, unavailable, type Metric, type UseRow } from '../../model/metric.ts';
import type {
  HostFacts,
  RecordedCaseSettings,
  SampleTable,
  ServerFacts,
  SpanColumn,
  SpanTable,
  TrialCounters,
  TrialRecord,
} from '../../model/records.ts';
import { measuredTrials } from '../measured-trials.ts';
import { machineCores } from './machine-cores.ts';
import { SampledWindows } from './sampled-windows.ts';

/** What a USE table is made of. */
export interface UseData {
  /** Any trials of the run; those of other cases and strategies are passed over. */
  readonly trials: readonly TrialRecord[];
  /** Absent when recording was off or the sampler could not start. */
  readonly samples?: SampleTable;
  readonly host: HostFacts;
  readonly settings: RecordedCaseSettings;
  /** Of a run in mode `real`. */
  readonly serverFacts?: ServerFacts;
}

/** A measured trial with what rows divide and divide by. */
export interface CountedTrial {
  readonly durationMs: number;
  /** Absent where nobody counts them. */
  readonly wireBytes?: number;
  readonly counters: TrialCounters;
  readonly spans?: SpanTable;
  /** Of its strategy; undefined for a strategy that the case does not name. */
  readonly knobs: StrategySettings['knobs'] | undefined;
}

/** What every row is computed from. */
export interface UseContext {
  readonly settings: RecordedCaseSettings;
  readonly serverFacts?: ServerFacts;
  /** That the processes of the run may use. */
  readonly cores: number;
  /** Of the whole machine, for its counters. */
  readonly machineCores: number;
  readonly memoryBytes: number;
  readonly trials: readonly CountedTrial[];
  /** Trials that were to be measured and failed. */
  readonly failedTrials: number;
  /** Of every trial that was to be measured, failed ones too: what counted errors mostly made its trial fail. */
  readonly counted: readonly TrialCounters[];
  readonly samples: SampledWindows | { readonly unavailable: string };
}

/** The rows of one resource or group of resources. */
export type RowBuilder = (context: UseContext) => readonly UseRow[];

/** Narrows the data to the measured trials of one strategy, or of all strategies of the case. */
export function useContext(
  { trials, samples, host, settings, serverFacts }: UseData,
  strategyLabel?: string,
): UseContext {
  const candidates = trials.filter(
    (trial) => trial.case === settings.index && (strategyLabel === undefined || trial.strategy === strategyLabel),
  );
  const measured = new Map(measuredTrials(candidates).map((trial) => [trial.index, trial]));
  const counted = candidates.flatMap((trial): CountedTrial[] => {
    const found = measured.get(trial.index);
    if (found?.counters === undefined) return [];
    const knobs = settings.strategies.find(({ label }) => label === trial.strategy)?.knobs;
    return [
      {
        durationMs: found.durationMs,
        ...(found.bytes.wire === undefined ? {} : { wireBytes: found.bytes.wire }),
        counters: found.counters,
        ...(found.spans === undefined ? {} : { spans: found.spans }),
        knobs,
      },
    ];
  });
  const windows = candidates.flatMap(({ index, startedAtMs }) => {
    const durationMs = measured.get(index)?.durationMs;
    return startedAtMs === undefined || durationMs === undefined
      ? []
      : [{ start: startedAtMs, end: startedAtMs + durationMs }];
  });
  return {
    settings,
    ...(serverFacts === undefined ? {} : { serverFacts }),
    cores: host.cores,
    machineCores: machineCores(samples, host),
    memoryBytes: host.memoryBytes,
    trials: counted,
    failedTrials: candidates.filter(({ warmUp, status }) => !warmUp && status === 'failed').length,
    counted: candidates.flatMap(({ warmUp, counters }) => (warmUp ? [] : (counters ?? []))),
    samples:
      samples === undefined
        ? { unavailable: 'not sampled: recording was off or the sampler could not start' }
        : new SampledWindows(samples, windows),
  };
}

const NOT_MEASURED = 'not measured: no trial was completed';

/** Adds up an amount over the trials that know it and divides by what it is a share of, e.g. their time. */
export function overTrials(
  trials: readonly CountedTrial[],
  amount: (trial: CountedTrial) => Metric,
  base: (trial: CountedTrial) => number = ({ durationMs }) => durationMs,
): Metric {
  let total = 0;
  let whole = 0;
  let reason: Metric = unavailable(NOT_MEASURED);
  for (const trial of trials) {
    const part = amount(trial);
    if ('value' in part) {
      total += part.value;
      whole += base(trial);
    } else if (whole === 0) reason = part;
  }
  return whole > 0 ? metric(total / whole) : reason;
}

/** The largest figure of any trial. */
export function largestOfTrials(trials: readonly CountedTrial[], figure: (trial: CountedTrial) => Metric): Metric {
  const figures = trials.map(figure);
  const known = figures.flatMap((candidate) => ('value' in candidate ? [candidate.value] : []));
  return known.length > 0 ? metric(Math.max(...known)) : (figures[0] ?? unavailable(NOT_MEASURED));
}

/** The sum of a count of errors over all trials that know it. */
export function totalErrors(counted: readonly TrialCounters[], figure: (counters: TrialCounters) => Metric): Metric {
  const figures = counted.map(figure);
  const known = figures.flatMap((candidate) => ('value' in candidate ? [candidate.value] : []));
  if (known.length === 0) return figures[0] ?? unavailable(NOT_MEASURED);
  return metric(known.reduce((sum, value) => sum + value, 0));
}

/** A share of capacity: cut to 0..1, as the two sides of the division come from different clocks. */
export const asShare = (candidate: Metric): Metric =>
  'value' in candidate ? metric(Math.min(Math.max(candidate.value, 0), 1)) : candidate;

/** Summed time between two moments of all chunks of a trial; chunks without both are passed over. */
export function timeBetween({ spans }: Pick<CountedTrial, 'spans'>, from: SpanColumn, to: SpanColumn): Metric {
  if (spans === undefined) return unavailable('not sampled: recording was off');
  let sum = 0;
  for (const [row, start] of spans[from].entries()) {
    const end = spans[to][row] ?? null;
    if (start !== null && end !== null && end > start) sum += end - start;
  }
  return metric(sum);
}
