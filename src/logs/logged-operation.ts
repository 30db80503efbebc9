import type { RateName } from '../model/objective.ts';
import type { BenchmarkTest, LoggedBytes, LoggedKind, LogProgram, PrintedRate } from './reading.ts';
import type { PrintedQuantity } from './printed-quantity.ts';

/** Something in a log that does not fit together. */
export interface LogFlag {
  /** Stable, kebab-case. */
  readonly code: 'rate-disagrees' | 'sizes-disagree' | 'unfinished';
  readonly line: number;
  readonly sentence: string;
}

/** A rate computed again from what a log tells, or why it cannot be known. */
export type LoggedRate =
  | {
      readonly bytesPerSecond: number;
      /** Between which the rounding of the figures leaves it. */
      readonly interval: readonly [low: number, high: number];
      /** What was divided by what. */
      readonly method: string;
    }
  | { readonly unavailable: string };

/** One test of a benchmark. */
export interface LoggedTest {
  readonly test: BenchmarkTest;
  readonly rate: PrintedRate;
  /** 0..1 of the speed of the reference machine. */
  readonly shareOfReference?: number;
}

/** A restore, a backup of one archive, a verify of one index, or a benchmark, as a log tells it. */
export interface LoggedOperation {
  readonly kind: LoggedKind;
  readonly program: LogProgram;
  /** Of its summary, or of the last that was heard of it. */
  readonly line: number;
  readonly archive?: string;
  /** What the program said of its own concurrency. */
  readonly settings: Readonly<Partial<Record<'decodeThreads' | 'inFlight', number>>>;
  readonly bytes: LoggedBytes;
  readonly durationMs?: PrintedQuantity;
  /** As printed, in the unit that they are really in. */
  readonly printed: readonly PrintedRate[];
  readonly rates: Readonly<Record<RateName, LoggedRate>>;
  /** Of a benchmark. */
  readonly tests: readonly LoggedTest[];
  readonly flags: readonly LogFlag[];
}

/** What a log holds. */
export interface ParsedLog {
  readonly operations: readonly LoggedOperation[];
  /** Operations beyond {@link MAX_OPERATIONS}, which are counted only. */
  readonly leftOut: number;
  /** Lines so long that only their beginning was looked at. */
  readonly longLines: number;
}

/** More than anybody reads, and few enough to be held. */
export const MAX_OPERATIONS = 10_000;
