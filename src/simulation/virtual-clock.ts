import type { Clock } from '../model/ports.ts';

interface Sleeper {
  readonly deadlineMs: number;
  readonly wake: () => void;
}

/**
 * Virtual time. It stands still while any task can run and jumps to the earliest deadline when all of them wait, so
 * that a run is deterministic and takes no longer than its own computing. Sleeps with equal deadlines end in the order
 * in which they began, each followed by everything that it sets in motion, as timers of a real event loop do.
 */
export class VirtualClock implements Clock {
  #nowMs = 0;
  /** Latest deadline first; among equal deadlines the sleep that began first stands last, where it is taken from. */
  readonly #sleepers: Sleeper[] = [];

  now(): number {
    return this.#nowMs;
  }

  /** Sleeps that have neither ended nor been aborted. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (Number.isNaN(ms)) throw new RangeError('cannot sleep for NaN ms');
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        this.#sleepers.splice(this.#sleepers.indexOf(sleeper), 1);
        reject(signal?.reason as Error);
      };
      const sleeper: Sleeper = {
        deadlineMs: this.#nowMs + Math.max(0, ms),
        wake: () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#insert(sleeper);
    });
  }

  /**
   * Runs `task` to its end in virtual time. Rejects as the task does, or with an Error when the task still waits but
   * no sleep is left that could wake it: in virtual time a deadlock is found at once.
   */
  async run<Result>(task: () => Promise<Result>): Promise<Result> {
    let settled = false;
    const result = task().finally(() => {
      settled = true;
    });
    // The rejection is delivered by the last line; until then it must not count as unhandled.
    result.catch(() => {});
    for (;;) {
      await drainMicrotasks();
      if (settled) return await result;
      const next = this.#sleepers.pop();
      if (next === undefined)
        throw new Error(`everything waits at ${this.#nowMs} ms of virtual time and nothing can wake it`);
      this.#nowMs = next.deadlineMs;
      next.wake();
    }
  }

  #insert(sleeper: Sleeper): void {
    let low = 0;
    let high = this.#sleepers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sleepers[middle]?.deadlineMs ?? 0) > sleeper.deadlineMs) low = middle + 1;
      else high = middle;
    }
    this.#sleepers.splice(low, 0, sleeper);
  }
}

/** An immediate runs only after the queue of microtasks is empty, however many more these have queued. */
const drainMicrotasks = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
