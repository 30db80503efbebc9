import { RateSchedule } from '../clock/rate-schedule.ts';
import type { StorageSettings } from '../model/environment.ts';
import { metric, unavailable } from '../model/metric.ts';
import type { Clock } from '../model/ports.ts';
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
  readonly #waiting: (() => void)[] = [];
  #settings: StorageSettings = { readLatencyMs: 0, queueDepth: Infinity };
  #active = 0;
  // Integrals over time of the reads active and waiting, up to `#integratedAtMs`.
  #slotBusyMs = 0;
  #queueWaitMs = 0;
  #integratedAtMs: number;
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
    this.#admit();
  }

  /**
   * Reads through the emulated disk. `load` does the real read and is called when a place is free; what it rejects
   * with is passed on at once.
   */
  async read(load: () => Promise<Uint8Array>): Promise<Uint8Array> {
    if (this.#active >= this.#settings.queueDepth || this.#waiting.length > 0) {
      this.#integrate();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#integrate();
      this.#active += 1;
    }
    try {
      const bytes = await this.#serve(load);
      this.#reads += 1;
      this.#bytes += bytes.length;
      return bytes;
    } catch (error) {
      this.#errors += 1;
      throw error;
    } finally {
      this.#integrate();
      this.#active -= 1;
      this.#admit();
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

  async #serve(load: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const { readLatencyMs } = this.#settings;
    if (readLatencyMs === 0 && !this.#bandwidth.isLimited) return await load();
    const firstByteMs = this.#clock.now() + readLatencyMs;
    const [bytes] = await Promise.all([load(), this.#clock.sleep(readLatencyMs)]);
    // Reserved from the time at which the first byte was due, so that being woken late costs nothing.
    const lastByteMs = this.#bandwidth.reserve(firstByteMs, bytes.length);
    const remainingMs = lastByteMs - this.#clock.now();
    if (remainingMs > 0) await this.#clock.sleep(remainingMs);
    return bytes;
  }

  #admit(): void {
    while (this.#active < this.#settings.queueDepth) {
      const start = this.#waiting.shift();
      if (start === undefined) return;
      this.#active += 1;
      start();
    }
  }

  #integrate(): void {
    const nowMs = this.#clock.now();
    const elapsedMs = nowMs - this.#integratedAtMs;
    this.#slotBusyMs += this.#active * elapsedMs;
    this.#queueWaitMs += this.#waiting.length * elapsedMs;
    this.#integratedAtMs = nowMs;
  }
}
