import type { Clock } from '../model/ports.ts';
import { Alarm } from './alarm.ts';
import { monotonicNow } from './monotonic.ts';

interface Sleeper {
  readonly deadlineMs: number;
  readonly wake: () => void;
}

/** Sleepers in order of their deadlines, on one {@link Alarm}. */
class PreciseClock implements Clock {
  readonly #sleepers: Sleeper[] = [];
  readonly #alarm: Alarm = new Alarm(() => this.#wakeDue());

  now(): number {
    return monotonicNow();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    if (!(ms > 0)) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleeper: Sleeper = {
      deadlineMs: monotonicNow() + ms,
      wake: () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      },
    };
    const abort = (): void => {
      const index = this.#sleepers.indexOf(sleeper);
      if (index !== -1) this.#sleepers.splice(index, 1);
      this.#setAlarm();
      reject(signal?.reason as Error);
    };
    // Deadlines mostly come in rising order, so the place is found from the end.
    let place = this.#sleepers.length;
    while (place > 0 && (this.#sleepers[place - 1]?.deadlineMs ?? 0) > sleeper.deadlineMs) place -= 1;
    this.#sleepers.splice(place, 0, sleeper);
    this.#setAlarm();
    signal?.addEventListener('abort', abort, { once: true });
    return promise;
  }

  #wakeDue(): void {
    const now = monotonicNow();
    const later = this.#sleepers.findIndex(({ deadlineMs }) => deadlineMs > now);
    const due = this.#sleepers.splice(0, later === -1 ? this.#sleepers.length : later);
    this.#setAlarm();
    for (const { wake } of due) wake();
  }

  #setAlarm(): void {
    this.#alarm.set(this.#sleepers[0]?.deadlineMs ?? Infinity);
  }
}

let shared: Clock | undefined;

/**
 * A clock whose sleeps end within about 0.1 ms of what was asked, never early; for emulated delays. There is one for
 * this thread, since it owns a helper thread; an ordinary wait is better served by `monotonicClock`.
 */
export function preciseClock(): Clock {
  return (shared ??= new PreciseClock());
}
