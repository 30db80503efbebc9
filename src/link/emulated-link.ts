import { Alarm } from '../clock/alarm.ts';
import { monotonicNow } from '../clock/monotonic.ts';
import type { LinkSettings } from '../model/environment.ts';
import type { LinkCounters } from '../model/records.ts';
import { LinkDirection, type DirectionOptions } from './direction.ts';
import { SlabPool } from './slab-pool.ts';

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
  readonly #alarm: Alarm = new Alarm(() => this.#release());
  readonly #waiting: Set<Releasing> = new Set();
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

  /** To be called by whoever has something new that is due later. */
  wait(waiting: Releasing): void {
    this.#waiting.add(waiting);
    this.#setAlarm(Math.min(this.#alarmMs, waiting.nextReleaseMs(this.#lastReleaseMs)));
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

  #release(): void {
    const nowMs = monotonicNow();
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
    this.#alarm.set(deadlineMs);
  }
}
