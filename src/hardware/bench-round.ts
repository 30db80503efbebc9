import { Bench } from 'tinybench';

/** One kind of work, called again and again. */
export interface RepeatedWork {
  readonly run: () => void | Promise<void>;
  /** Whether `run` returns a promise. */
  readonly isAsync: boolean;
  /** A round ends after so many calls, whatever its time; no bound where absent. */
  readonly maxCalls?: number;
}

export interface RoundOptions {
  /** The round goes on until its calls took so long together; the call in progress is finished. At least one is made. */
  readonly durationMs: number;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

export interface Round {
  /** What each call took, in the order of the calls. */
  readonly callMs: readonly number[];
  /** Start of the first call and end of the last one, on the caller's clock. */
  readonly startedMs: number;
  readonly endedMs: number;
  /** What a call threw: it ended the round, and is not among `callMs`. */
  readonly error?: Error;
}

/** Only has to be above any round. */
const BUDGET_IS_USED_UP_MS = 1e9;

/**
 * One round of work by tinybench, with what has to be known of tinybench 6.2 written down here once:
 *
 * - Without the option `async` it calls any function that is not declared `async` once more, untimed, to see whether it
 *   returns a promise. That call would write to a file or wait for a socket like the others: the option is always given.
 * - It sorts the samples that it keeps, in place, so that their order is lost, and drops all of them when one call
 *   throws. Calls are therefore timed and kept here, and handed to it as `overriddenDuration`.
 * - Its defaults (16 and 64 calls at least, 250 and 1000 ms) are for calls of nanoseconds: 64 chunks of 4 MiB would take
 *   longer than many a round. The caller warms up with a round of its own.
 */
export async function benchRound(
  { run, isAsync, maxCalls = Infinity }: RepeatedWork,
  { durationMs, now }: RoundOptions,
): Promise<Round> {
  const callMs: number[] = [];
  let firstMs: number | undefined;
  let endedMs = now();
  const note = (startedMs: number): { overriddenDuration: number; overriddenIterationCost?: number } => {
    firstMs ??= startedMs;
    endedMs = now();
    const overriddenDuration = endedMs - startedMs;
    callMs.push(overriddenDuration);
    return callMs.length < maxCalls
      ? { overriddenDuration }
      : { overriddenDuration, overriddenIterationCost: BUDGET_IS_USED_UP_MS };
  };
  const bench = new Bench({ time: durationMs, iterations: 1, warmup: false, now, throws: false });
  const options = { async: isAsync };
  if (isAsync) {
    bench.add(
      'work',
      async () => {
        const startedMs = now();
        await run();
        return note(startedMs);
      },
      options,
    );
    await bench.run();
  } else {
    bench.add(
      'work',
      () => {
        const startedMs = now();
        void run();
        return note(startedMs);
      },
      options,
    );
    bench.runSync();
  }
  const result = bench.tasks[0]?.result;
  return {
    callMs,
    startedMs: firstMs ?? endedMs,
    endedMs,
    ...(result?.state === 'errored' ? { error: result.error } : {}),
  };
}
