import type { RunData, SpanTable, TrialBytes, TrialCounters, TrialRecord } from '../model/records.ts';
import type { RateName } from '../model/objective.ts';

/** A trial that counts: measured (no warm-up), completed, and proven to have restored the right bytes. */
export interface MeasuredTrial {
  readonly index: number;
  readonly block: number;
  /** Above 0. */
  readonly durationMs: number;
  readonly bytes: TrialBytes;
  readonly counters?: TrialCounters;
  readonly spans?: SpanTable;
}

/** All trials of one strategy in one case, warm-ups and failures included, in the order of the run. */
export function trialsOf(data: RunData, caseIndex: number, label: string): readonly TrialRecord[] {
  return data.trials
    .filter((trial) => trial.case === caseIndex && trial.strategy === label)
    .toSorted((a, b) => a.index - b.index);
}

/** The trials among them that count. */
export function measuredTrials(trials: readonly TrialRecord[]): readonly MeasuredTrial[] {
  return trials.flatMap(({ index, block, warmUp, status, verified, durationMs, bytes, counters, spans }) => {
    if (warmUp || status !== 'completed' || verified !== true || bytes === undefined) return [];
    if (durationMs === undefined || !(durationMs > 0)) return [];
    return [
      {
        index,
        block,
        durationMs,
        bytes,
        ...(counters === undefined ? {} : { counters }),
        ...(spans === undefined ? {} : { spans }),
      },
    ];
  });
}

/** Bytes per second of one of the four rates. */
export function rateOf(trial: MeasuredTrial, rate: RateName): number {
  return (trial.bytes[rate] * 1000) / trial.durationMs;
}
