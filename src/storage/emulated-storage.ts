import { RateSchedule } from '../clock/rate-schedule.ts';
import type { StorageSettings } from '../model/environment.ts';
import { metric, unavailable } from '../model/metric.ts';
import type { Clock } from '../model/ports.ts';
import { Permits } from '../model/permits.ts';
import type { StorageCounters } from '../model/records.ts';

/**
 * The datastore's disk as a queue: at most `queueDepth` reads at a time, first come first served; each takes
 * `readLatencyMs` until its first byte and then its share of the bandwidth. The real read runs during the emulated
 * latency; one that takes longer in reality than emulated is as slow as it really is.
 *
 * Before `configure` it limits nothing.
 */
export class EmulatedStorage {
  readonly #clock: Clock;
  readonly #bandwidth: RateSchedule = new RateSchedule();
  readonly #places: Permits = new Permits(Infinity);
  #settings: StorageSettings = { readLatencyMs: 0, queueDepth: Infinity };
  // Integrals over time of the reads active and waiting, up to `#integratedAtMs`.
  #slotBusyMs = 0;
  #queueWaitMs = 0;
  #integratedAtMs: number;
  /** Reads that wait for memory before they may queue. */
  #withoutMemory = 0;
  #reads = 0;
  #bytes = 0;
  #errors = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#integratedAtMs = clock.now();
  }

  /** Takes effect for every read that starts afterwards; a lower `queueDepth` when enough reads have ended. */
  configure(settings: StorageSettings): void {
    this.#integrate();
    this.#settings = settings;
    this.#bandwidth.setRate(settings.bandwidthBytesPerSecond);
    this.#places.setLimit(settings.queueDepth);
  }

  /** Reads that must be able to run at once for the disk to be as fast as declared; 0 for one that is not emulated. */
  get parallelReads(): number {
    const { readLatencyMs, queueDepth } = this.#settings;
    return readLatencyMs > 0 || this.#bandwidth.isLimited ? queueDepth : 0;
  }

  /**
   * Takes one of `memory` for a read that follows. As long as every place of the disk is taken that wait is one for the
   * disk and counts as such: the others have their memory only because they came first.
   */
  async waitForMemory(memory: Permits, signal: AbortSignal): Promise<void> {
    this.#integrate();
    this.#withoutMemory += 1;
    try {
      await memory.take(signal);
    } finally {
      this.#integrate();
      this.#withoutMemory -= 1;
    }
  }

  /**
   * Reads through the emulated disk. `load` does the real read and is called when a place is free; what it rejects
   * with is passed on at once. Aborted, a read leaves the queue or the disk with the signal's reason and counts
   * neither as a read nor as an error; a real read that runs already is waited for.
   */
  async read(load: () => Promise<Uint8Array>, signal?: AbortSignal): Promise<Uint8Array> {
    this.#integrate();
    await this.#places.take(signal);
    try {
      const bytes = await this.#serve(load, signal);
      this.#reads += 1;
      this.#bytes += bytes.length;
      return bytes;
    } catch (error) {
      if (signal?.aborted !== true) this.#errors += 1;
      throw error;
    } finally {
      this.#integrate();
      this.#places.give();
    }
  }

  /** Counts since the last `resetCounters`; reads and bytes of the reads that ended since, times to the moment. */
  counters(): StorageCounters {
    this.#integrate();
    return {
      reads: this.#reads,
      bytes: this.#bytes,
      slotBusyMs: this.#slotBusyMs,
      bandwidthBusyMs: this.#bandwidth.isLimited
        ? metric(this.#bandwidth.busyMs(this.#integratedAtMs))
        : unavailable('unsupported: no storage bandwidth is declared'),
      queueWaitMs: this.#queueWaitMs,
      errors: this.#errors,
    };
  }

  resetCounters(): void {
    this.#integrate();
    this.#slotBusyMs = 0;
    this.#queueWaitMs = 0;
    this.#reads = 0;
    this.#bytes = 0;
    this.#errors = 0;
    this.#bandwidth.resetBusy(this.#integratedAtMs);
  }

  async #serve(load: () => Promise<Uint8Array>, signal: AbortSignal | undefined): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const { readLatencyMs } = this.#settings;
    if (readLatencyMs === 0 && !this.#bandwidth.isLimited) return await load();
    const firstByteMs = this.#clock.now() + readLatencyMs;
    const loading = load();
    const latency = this.#clock.sleep(readLatencyMs, signal);
    // Told below, once the real read has ended; if that fails, nobody asks.
    latency.catch(() => {});
    const bytes = await loading;
    await latency;
    // Reserved from the time at which the first byte was due, so that being woken late costs nothing.
    const lastByteMs = this.#bandwidth.reserve(firstByteMs, bytes.length);
    const remainingMs = lastByteMs - this.#clock.now();
    if (remainingMs > 0) await this.#clock.sleep(remainingMs, signal);
    return bytes;
  }

  #integrate(): void {
    const nowMs = this.#clock.now();
    const elapsedMs = nowMs - this.#integratedAtMs;
    this.#slotBusyMs += this.#places.taken * elapsedMs;
    const isFull = this.#places.taken >= this.#settings.queueDepth;
    this.#queueWaitMs += (this.#places.waiting + (isFull ? this.#withoutMemory : 0)) * elapsedMs;
    this.#integratedAtMs = nowMs;
  }
}
