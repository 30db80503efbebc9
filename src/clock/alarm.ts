import { Worker } from 'node:worker_threads';

import { ALARM_MEMORY_BYTES, alarmSignal, viewAlarmMemory, type AlarmMemory } from './alarm-memory.ts';
import { monotonicNow } from './monotonic.ts';

const threadUrl = new URL(import.meta.url.endsWith('.ts') ? './alarm-thread.ts' : './alarm-thread.js', import.meta.url);

/**
 * Rings once at a deadline, to well below a millisecond, where Node's timers tick at 1 ms. A thread of its own waits
 * for the deadline with `Atomics.wait`; this side waits with `Atomics.waitAsync`, which was measured to wake the event
 * loop 20-30 microseconds sooner than a message on a MessagePort and at 3/4 of its CPU. One ring costs 60-90
 * microseconds of CPU in both threads together; waiting costs nothing. The thread is made on first use and keeps the
 * process alive only while a deadline is set.
 */
export class Alarm implements AsyncDisposable {
  readonly #ring: () => void;
  readonly #memory: AlarmMemory;
  #thread: Worker | undefined;
  #deadlineMs = Infinity;
  /** What the thread waits for; earlier than the deadline when that was moved back, which then costs no wake-up. */
  #armedMs = Infinity;
  #disposed = false;

  /** `ring` is called on the event loop, never before its deadline, and never from within `set`. */
  constructor(ring: () => void) {
    this.#ring = ring;
    this.#memory = viewAlarmMemory(new SharedArrayBuffer(ALARM_MEMORY_BYTES));
  }

  /** Replaces the deadline, milliseconds of CLOCK_MONOTONIC; one that has passed rings at once, Infinity never. */
  set(deadlineMs: number): void {
    if (deadlineMs === this.#deadlineMs || this.#disposed) return;
    this.#deadlineMs = deadlineMs;
    if (deadlineMs === Infinity) {
      this.#thread?.unref();
      return;
    }
    const thread = (this.#thread ??= this.#startThread());
    thread.ref();
    if (deadlineMs < this.#armedMs) this.#arm(deadlineMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#deadlineMs = Infinity;
    await this.#thread?.terminate();
  }

  #startThread(): Worker {
    // Flags meant for the main module (`--input-type`, `--import` of a profiler) are not for this thread.
    const thread = new Worker(threadUrl, { workerData: this.#memory.signals.buffer, name: 'alarm', execArgv: [] });
    thread.unref();
    void this.#listen();
    return thread;
  }

  #arm(deadlineMs: number): void {
    this.#armedMs = deadlineMs;
    this.#memory.deadline[0] = deadlineMs;
    Atomics.add(this.#memory.signals, alarmSignal.request, 1);
    Atomics.notify(this.#memory.signals, alarmSignal.request);
  }

  async #listen(): Promise<void> {
    const { signals } = this.#memory;
    let seen = 0;
    while (!this.#disposed) {
      await Atomics.waitAsync(signals, alarmSignal.rung, seen).value;
      seen = Atomics.load(signals, alarmSignal.rung);
      const nowMs = monotonicNow();
      if (nowMs < this.#armedMs) continue;
      this.#armedMs = Infinity;
      if (this.#deadlineMs === Infinity) continue;
      if (nowMs < this.#deadlineMs) {
        this.#arm(this.#deadlineMs);
        continue;
      }
      this.#deadlineMs = Infinity;
      this.#ring();
      if (this.#deadlineMs === Infinity) this.#thread?.unref();
    }
  }
}
