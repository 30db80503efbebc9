import type { Clock } from '../model/ports.ts';

/** Milliseconds of CLOCK_MONOTONIC with nanosecond digits: the same base in every thread and process of this machine. */
export function monotonicNow(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/** A clock whose sleeps are Node's timers: up to about 1 ms late, and cheap. See `preciseClock` for emulation. */
export function monotonicClock(): Clock {
  return { now: monotonicNow, sleep };
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (signal?.aborted === true) {
    reject(signal.reason as Error);
    return promise;
  }
  const deadline = monotonicNow() + ms;
  const abort = (): void => {
    clearTimeout(timer);
    reject(signal?.reason as Error);
  };
  // Node counts timers in whole milliseconds from the start of the loop's turn, so one can fire up to 1 ms early.
  const check = (): void => {
    const remainingMs = deadline - monotonicNow();
    if (remainingMs > 0) {
      timer = setTimeout(check, Math.ceil(remainingMs));
      return;
    }
    signal?.removeEventListener('abort', abort);
    resolve();
  };
  let timer = setTimeout(check, Math.ceil(ms));
  signal?.addEventListener('abort', abort, { once: true });
  return promise;
}
