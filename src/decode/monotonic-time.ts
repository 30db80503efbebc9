/**
 * Milliseconds of CLOCK_MONOTONIC. `performance.now()` starts anew in each thread; this clock is the same in all
 * threads and processes of the machine, so their times compare.
 */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
