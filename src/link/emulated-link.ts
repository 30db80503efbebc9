import { Alarm } from '../clock/alarm.ts';
import { monotonicNow } from '../clock/monotonic.ts';
import type { LinkSettings } from '../model/environment.ts';
import type { LinkCounters } from '../model/records.ts';
import { KiB } from '../model/units.ts';
import { LinkDirection, type DirectionOptions } from './direction.ts';
import { SlabPool } from './slab-pool.ts';

/** What is learned of the emulator's own time never goes beyond this; on a crowded machine it is longer, and shows. */
const MAX_OWN_MS = 0.4;

/** Each release moves what was learned by this much, up or down: it settles at the median. The first ones move more. */
const OWN_STEP_MS = 0.005;
const FIRST_OWN_STEP_MS = 0.08;

/** Handing on more than this takes time that has nothing to do with waking up. */
const LEARNING_BYTES: number = 16 * KiB;

/** One direction of one connection, as the link sees it. */
export interface Releasing {
  /** When it next wants `release`, given that the link last released at `lastReleaseMs`; Infinity for never. */
  nextReleaseMs(lastReleaseMs: number): number;
  /** Hands on everything that is due. */
  release(nowMs: number): void;
}

/** What all connections of one link share: two directions, the memory, one alarm and the counters. */
export class EmulatedLink implements AsyncDisposable {
  readonly toClient: LinkDirection;
  readonly toServer: LinkDirection;
  readonly slabs: SlabPool = new SlabPool();
  readonly #alarm: Alarm = new Alarm(() => this.#ring());
  readonly #waiting: Set<Releasing> = new Set();
  /**
   * What it takes from a deadline until the bytes are with the kernel: waking the alarm's thread and this one, and
   * running code that has left the caches (0.05 ms when busy, 0.3 ms after an idle time, on a virtual machine). About
   * half of it passes before bytes that arrived are seen, where it cannot be measured and one thread is woken instead
   * of two. Both are taken off the delay.
   */
  #ownMs = 0;
  #learned = 0;
  #alarmMs = Infinity;
  #lastReleaseMs = -Infinity;
  #queuedBytes = 0;
  #peakQueuedBytes = 0;
  #openConnections = 0;
  #connections = 0;
  #errors = 0;

  constructor(options: DirectionOptions) {
    this.toClient = new LinkDirection(options);
    this.toServer = new LinkDirection(options);
  }

  configure(settings: LinkSettings): void {
    this.toClient.configure(settings);
    this.toServer.configure(settings);
  }

  /** When something that is seen now has arrived. */
  arrivalMs(): number {
    return monotonicNow() - this.#ownMs / 2;
  }

  /** To be called by whoever has something new; releases everything if that is due now. */
  wait(waiting: Releasing): void {
    this.#waiting.add(waiting);
    const wantedMs = waiting.nextReleaseMs(this.#lastReleaseMs);
    if (wantedMs >= this.#alarmMs) return;
    const nowMs = monotonicNow() + this.#ownMs;
    if (wantedMs <= nowMs) this.#release(nowMs);
    else this.#setAlarm(wantedMs);
  }

  /** For someone who waits no more. */
  forget(waiting: Releasing): void {
    this.#waiting.delete(waiting);
  }

  /** Grows and shrinks with the bytes that are inside, both directions together. */
  addQueued(bytes: number): void {
    this.#queuedBytes += bytes;
    if (this.#queuedBytes > this.#peakQueuedBytes) this.#peakQueuedBytes = this.#queuedBytes;
  }

  connectionOpened(): void {
    this.#openConnections += 1;
    this.#connections += 1;
  }

  connectionClosed(): void {
    this.#openConnections -= 1;
  }

  connectionFailed(): void {
    this.#errors += 1;
  }

  /** Since the last reset; connections that were open then count, too. */
  counters(): LinkCounters {
    const nowMs = monotonicNow();
    return {
      bytesToClient: this.toClient.deliveredBytes,
      bytesToServer: this.toServer.deliveredBytes,
      busyToClientMs: this.toClient.busyMs(nowMs),
      busyToServerMs: this.toServer.busyMs(nowMs),
      peakQueuedBytes: this.#peakQueuedBytes,
      connections: this.#connections,
      errors: this.#errors,
    };
  }

  resetCounters(): void {
    const nowMs = monotonicNow();
    this.toClient.resetCounters(nowMs);
    this.toServer.resetCounters(nowMs);
    this.#peakQueuedBytes = this.#queuedBytes;
    this.#connections = this.#openConnections;
    this.#errors = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#alarm[Symbol.asyncDispose]();
  }

  #ring(): void {
    const dueMs = this.#alarmMs;
    const learning = this.#queuedBytes <= LEARNING_BYTES;
    this.#release(monotonicNow() + this.#ownMs);
    if (learning) this.#learn(monotonicNow() - dueMs);
  }

  #learn(lateMs: number): void {
    this.#learned += 1;
    const stepMs = Math.max(OWN_STEP_MS, FIRST_OWN_STEP_MS / this.#learned);
    this.#ownMs = Math.max(0, Math.min(MAX_OWN_MS, this.#ownMs + (lateMs > 0 ? stepMs : -stepMs)));
  }

  #release(nowMs: number): void {
    this.#lastReleaseMs = nowMs;
    this.#alarmMs = Infinity;
    let nextMs = Infinity;
    for (const waiting of this.#waiting) {
      waiting.release(nowMs);
      const wantedMs = waiting.nextReleaseMs(nowMs);
      if (wantedMs === Infinity) this.#waiting.delete(waiting);
      else nextMs = Math.min(nextMs, wantedMs);
    }
    this.#setAlarm(Math.min(this.#alarmMs, nextMs));
  }

  #setAlarm(deadlineMs: number): void {
    this.#alarmMs = deadlineMs;
    this.#alarm.set(deadlineMs - this.#ownMs);
  }
}
