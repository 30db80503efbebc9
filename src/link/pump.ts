import type { Socket } from 'node:net';

import type { RateSchedule } from '../clock/rate-schedule.ts';
import { DelayLine } from './delay-line.ts';
import type { LinkDirection } from './direction.ts';
import type { EmulatedLink, Releasing } from './emulated-link.ts';
import type { Slab } from './slab-pool.ts';

/** Bytes under way, or how the stream ends. */
type Item =
  | { readonly kind: 'bytes'; readonly slab: Slab; readonly start: number; readonly end: number }
  | { readonly kind: 'end' }
  | { readonly kind: 'reset' };

interface Handed {
  readonly slab: Slab;
  readonly bytes: number;
}

/**
 * While more is under way, a line is released at most this often, since each wake-up costs 60-90 microseconds of CPU.
 * What ends a burst (a request, the tail of a chunk) is always released to the point; the bytes inside of one are up to
 * this much later than their due time, whatever the delay, which on a link of 0.2 ms is several times the delay. A
 * spacing of a tenth of the delay, 0.25 ms at least, would cost the emulator, in CPU-seconds per GB, at 1 Gbit/s 3.8
 * instead of 2.2 with 0.2 ms of round trip, 3.3 instead of 1.8 with 1 ms and 2.9 instead of 1.8 with 5 ms.
 */
const RELEASE_SPACING_MS = 2;

/** One direction of one connection: what arrives goes through the link's rate and delay and then to `sink`. */
export class Pump implements Releasing {
  readonly #link: EmulatedLink;
  readonly #direction: LinkDirection;
  readonly #connectionSchedule: RateSchedule;
  readonly #line: DelayLine<Item> = new DelayLine();
  readonly #sink: Socket;
  readonly #resumeSource: () => void;
  /** Given to the sink, but not yet taken by the kernel. */
  readonly #handed: Handed[] = [];
  #handedBytes = 0;
  #insideBytes = 0;
  #paused = false;
  /** More was waiting behind what came last. */
  #backlogged = false;
  #stopped = false;

  constructor(
    link: EmulatedLink,
    direction: LinkDirection,
    { sink, resumeSource }: { readonly sink: Socket; readonly resumeSource: () => void },
  ) {
    this.#link = link;
    this.#direction = direction;
    this.#connectionSchedule = direction.connectionSchedule();
    this.#sink = sink;
    this.#resumeSource = resumeSource;
  }

  /** How much the next read should take: what still has room, or will have when a paused source goes on. */
  get readBytes(): number {
    return Math.max(this.#direction.resumeBytes, this.#roomBytes);
  }

  /**
   * Takes bytes that stand in a slab, which they keep from being reused; `more` tells that others waited behind them.
   * Returns whether the source may go on; if not, `resumeSource` is called when it may.
   */
  push(slab: Slab, start: number, end: number, more: boolean): boolean {
    if (this.#stopped) return true;
    this.#grow(end - start);
    if (this.#line.isEmpty && this.#direction.isTransparent) {
      slab.references += 1;
      this.#hand(slab, start, end);
      this.#settle();
    } else {
      this.#pushSlices(this.#link.arrivalMs(), slab, start, end);
      this.#link.wait(this);
    }
    this.#paused = !this.#stopped && this.#roomBytes <= 0;
    this.#backlogged = this.#paused || more;
    return !this.#paused;
  }

  /** The source has ended (`end`) or was cut off (`reset`): the sink learns it after everything before it. */
  finish(kind: 'end' | 'reset'): void {
    if (this.#stopped) return;
    this.#line.push({ kind }, this.#direction.due(this.#link.arrivalMs(), 0, this.#connectionSchedule));
    this.#link.wait(this);
  }

  /** The sink is gone: what is under way to it is dropped. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#link.forget(this);
    for (let item = this.#line.shift(); item !== undefined; item = this.#line.shift()) {
      if (item.kind === 'bytes') this.#link.slabs.release(item.slab);
    }
    for (const { slab } of this.#handed.splice(0)) this.#link.slabs.release(slab);
    this.#handedBytes = 0;
    this.#shrink(this.#insideBytes);
    // What still comes is read and dropped, so that the end of the source is seen.
    if (this.#paused) this.#resumeSource();
    this.#paused = false;
  }

  nextReleaseMs(lastReleaseMs: number): number {
    const { nextDueMs, lastDueMs } = this.#line;
    return Math.max(nextDueMs, Math.min(lastDueMs, lastReleaseMs + RELEASE_SPACING_MS));
  }

  release(nowMs: number): void {
    this.#sink.cork();
    for (let item = this.#line.peekDue(nowMs); item !== undefined; item = this.#line.peekDue(nowMs)) {
      this.#line.shift();
      if (item.kind === 'bytes') this.#hand(item.slab, item.start, this.#takeAdjacent(item.slab, item.end, nowMs));
      else if (item.kind === 'end') this.#sink.end();
      else {
        this.#sink.resetAndDestroy();
        this.stop();
        return;
      }
    }
    this.#sink.uncork();
    this.#settle();
  }

  #pushSlices(arrivalMs: number, slab: Slab, start: number, end: number): void {
    const sliceBytes = this.#direction.sliceBytes;
    for (let from = start; from < end; from += sliceBytes) {
      const to = Math.min(end, from + sliceBytes);
      slab.references += 1;
      this.#line.push(
        { kind: 'bytes', slab, start: from, end: to },
        this.#direction.due(arrivalMs, to - from, this.#connectionSchedule, this.#backlogged),
      );
    }
  }

  /** Slices of one read that are due together are one write again. Returns where they end. */
  #takeAdjacent(slab: Slab, from: number, nowMs: number): number {
    let end = from;
    for (
      let next = this.#line.peekDue(nowMs);
      next?.kind === 'bytes' && next.slab === slab && next.start === end;
      next = this.#line.peekDue(nowMs)
    ) {
      end = next.end;
      this.#line.shift();
      this.#link.slabs.release(slab);
    }
    return end;
  }

  #hand(slab: Slab, start: number, end: number): void {
    this.#handed.push({ slab, bytes: end - start });
    this.#handedBytes += end - start;
    this.#direction.deliveredBytes += end - start;
    this.#sink.write(slab.bytes.subarray(start, end), this.#settle);
  }

  /** Gives back what the kernel has taken: mostly everything at once, without waiting for the write's callback. */
  readonly #settle = (): void => {
    const outstanding = this.#sink.writableLength;
    let settledBytes = 0;
    let first = this.#handed[0];
    while (first !== undefined && this.#handedBytes - first.bytes >= outstanding) {
      this.#handed.shift();
      this.#handedBytes -= first.bytes;
      settledBytes += first.bytes;
      this.#link.slabs.release(first.slab);
      first = this.#handed[0];
    }
    if (settledBytes === 0) return;
    this.#shrink(settledBytes);
    if (this.#paused && this.#roomBytes >= this.#direction.resumeBytes) {
      this.#paused = false;
      this.#resumeSource();
    }
  };

  get #roomBytes(): number {
    return this.#direction.connectionLimitBytes - this.#insideBytes;
  }

  #grow(bytes: number): void {
    if (this.#insideBytes === 0) this.#direction.activeConnections += 1;
    this.#insideBytes += bytes;
    this.#link.addQueued(bytes);
  }

  #shrink(bytes: number): void {
    if (bytes === 0) return;
    this.#insideBytes -= bytes;
    this.#link.addQueued(-bytes);
    if (this.#insideBytes === 0) this.#direction.activeConnections -= 1;
  }
}
