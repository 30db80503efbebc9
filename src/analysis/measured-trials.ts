import { metric, unavailable, type Metric } from '../model/metric.ts';
import type { PlannedTrial, RunData, SpanTable, TrialBytes, TrialCounters, TrialRecord } from '../model/records.ts';
import type { RateName } from '../model/objective.ts';

/** A trial that counts: measured (no warm-up), completed, and proven to have restored the right bytes, if anybody can. */
export interface MeasuredTrial {
  readonly index: number;
  readonly block: number;
  /** Above 0. */
  readonly durationMs: number;
  readonly bytes: TrialBytes;
  readonly counters?: TrialCounters;
  readonly spans?: SpanTable;
}

/**
 * All trials of one strategy in one case, warm-ups and failures included, in the order of the run; those of the plan
 * that have no record as `not-run`.
 */
export function trialsOf({ run, trials }: RunData, caseIndex: number, label: string): readonly TrialRecord[] {
  const isOf = (trial: PlannedTrial): boolean => trial.case === caseIndex && trial.strategy === label;
  const recorded = trials.filter(isOf);
  const known = new Set(recorded.map(({ index }) => index));
  const missing = run.plan
    .filter((planned) => isOf(planned) && !known.has(planned.index))
    .map((planned): TrialRecord => ({ ...planned, formatVersion: run.formatVersion, status: 'not-run' }));
  return [...recorded, ...missing].toSorted((a, b) => a.index - b.index);
}

/** Whether a trial counts as measured; its duration and bytes are known then. */
export function countsAsMeasured<
  Trial extends Pick<TrialRecord, 'warmUp' | 'status' | 'verified' | 'notVerifiable' | 'durationMs' | 'bytes'>,
>(trial: Trial): trial is Trial & { readonly durationMs: number; readonly bytes: TrialBytes } {
  const { warmUp, status, verified, notVerifiable, durationMs, bytes } = trial;
  const isProven = !warmUp && status === 'completed' && (verified === true || notVerifiable !== undefined);
  return isProven && bytes !== undefined && durationMs !== undefined && durationMs > 0;
}

/** The trials among them that count. */
export function measuredTrials(trials: readonly TrialRecord[]): readonly MeasuredTrial[] {
  return trials.filter(countsAsMeasured).map(({ index, block, durationMs, bytes, counters, spans }) => ({
    index,
    block,
    durationMs,
    bytes,
    ...(counters === undefined ? {} : { counters }),
    ...(spans === undefined ? {} : { spans }),
  }));
}

/** Bytes per second of one of the four rates; only that of the wire may be unknown. */
export function rateOf(trial: MeasuredTrial, rate: Exclude<RateName, 'wire'>): number;
export function rateOf(trial: MeasuredTrial, rate: RateName): number | undefined;
export function rateOf({ bytes, durationMs }: MeasuredTrial, rate: RateName): number | undefined {
  const amount = bytes[rate];
  return amount === undefined ? undefined : (amount * 1000) / durationMs;
}

/** Why a trial may have no wire bytes. */
export const WIRE_UNSEEN = 'not measured: nobody counts what a program fetches from a real server';

/** The wire rate as a share of what is possible. */
export function wireShare(trial: MeasuredTrial, bytesPerSecond: number): Metric {
  const rate = rateOf(trial, 'wire');
  return rate === undefined ? unavailable(WIRE_UNSEEN) : metric(rate / bytesPerSecond);
}
