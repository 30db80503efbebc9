import type { Writable } from 'node:stream';

import { FRAME_HEADER_BYTES, frameFlags, frameHeader, frameTypes } from './frame.ts';
import type { Http2Stream } from './stream.ts';

/**
 * Bytes that are handed to the socket at a time. TLS encrypts all of them before the first is on its way: more do not stay
 * in the processor's cache (1.16-1.31 GB per CPU-second of the server with 512 KiB, 1.09-1.17 with 4 MiB, 16 streams),
 * fewer cost more calls.
 */
const SLICE_BYTES = 512 * 1024;

/** From this length on a payload is written by itself, which TLS does without joining it to other buffers first. */
const LARGE_BYTES = 32 * 1024;

/**
 * What is left of a body after a frame of it goes out in the same turn where it is short. A chunk of PBS has 12 bytes
 * more than the largest frame of its clients: they would wait until every other stream had its turn.
 */
const SHORT_REST_BYTES = 64 * 1024;

/**
 * Acknowledgements, heads of responses and the like that wait for a socket which does not take them; a sane peer leaves a
 * few. 200 streams whose responses begin at once need some 20 KiB.
 */
const MAX_CONTROL_BYTES = 256 * 1024;

/** Bytes of a stream that are on their way. */
export interface Outgoing {
  readonly bytes: Uint8Array;
  readonly isEnd: boolean;
  /** Called once, when nothing reads the bytes any more: all are with the socket, or the stream is over. */
  readonly release: () => void;
  /** Bytes that frames have been begun for. */
  framed: number;
}

interface OpenFrame {
  readonly outgoing: Outgoing;
  at: number;
  end: number;
}

/** What the sender must know of its connection. */
export interface SendLimits {
  /** The connection's send window; the sender takes off what it sends. */
  sendWindow: number;
  /** Largest payload that the other end takes. */
  maxFrameSize: number;
}

/**
 * Writes frames to the socket: between two DATA frames the control frames that wait, then the next stream's, in turns
 * of one frame each, as far as windows and the socket allow. Payloads are not copied here; one write is under way
 * at a time, so that what comes in between does not wait behind a queue.
 */
export class FrameSender {
  readonly #socket: Writable;
  readonly #limits: SendLimits;
  readonly #onEnded: (stream: Http2Stream) => void;
  readonly #control: Buffer[] = [];
  #controlBytes = 0;
  /** Streams with something to send, whose turn is next first. */
  readonly #ready: Set<Http2Stream> = new Set();
  /** Its header is out, its payload not all; nothing else can be sent before. */
  #frame: OpenFrame | undefined;
  /** Released when the present write has ended. */
  #released: Outgoing[] = [];
  #isWriting = false;
  #isScheduled = false;
  #whenDrained: (() => void) | undefined;

  /** @param onEnded END_STREAM of this stream is on its way */
  constructor(socket: Writable, limits: SendLimits, onEnded: (stream: Http2Stream) => void) {
    this.#socket = socket;
    this.#limits = limits;
    this.#onEnded = onEnded;
  }

  /** False where the other end leaves so much unread that no more should be queued for it. */
  get canTakeControl(): boolean {
    return this.#controlBytes <= MAX_CONTROL_BYTES;
  }

  /** Queues whole frames; they go out before any DATA frame that has not begun, in their order. */
  control(frames: Buffer): void {
    this.#control.push(frames);
    this.#controlBytes += frames.length;
    this.#schedule();
  }

  /** Begins to send; one at a time for each stream. Empty bytes are only the end of the stream. */
  send(stream: Http2Stream, bytes: Uint8Array, isEnd: boolean, release: () => void): void {
    stream.outgoing = { bytes, isEnd, release, framed: 0 };
    this.#ready.add(stream);
    this.#schedule();
  }

  /** Forgets what has not been put into a frame; a frame that has begun is finished, since its length is out. */
  cancel(stream: Http2Stream): void {
    const { outgoing } = stream;
    this.#ready.delete(stream);
    stream.outgoing = undefined;
    if (outgoing === undefined || this.#frame?.outgoing === outgoing) return;
    // The socket may hold a slice of it behind the write that is under way.
    if (this.#isWriting) this.#released.push(outgoing);
    else outgoing.release();
  }

  /** Windows have grown. */
  windowsChanged(): void {
    if (this.#ready.size > 0) this.#schedule();
  }

  /** Calls back when all control frames queued so far are with the socket; DATA is no longer sent. */
  drain(done: () => void): void {
    for (const stream of this.#ready) this.cancel(stream);
    this.#whenDrained = done;
    this.#schedule();
  }

  /** At the end of the present callback, so that what one piece of input brings about goes out in one write. */
  #schedule(): void {
    if (this.#isScheduled || this.#isWriting) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#write();
    });
  }

  #write(): void {
    if (this.#isWriting) return;
    const small: Uint8Array[] = [];
    const large = this.#gather(small);
    if (small.length === 0 && large === undefined) {
      this.#whenDrained?.();
      this.#whenDrained = undefined;
      return;
    }
    this.#isWriting = true;
    const written = (): void => {
      this.#isWriting = false;
      this.#releaseWritten();
      this.#write();
    };
    this.#writeTogether(small, large === undefined ? written : undefined);
    if (large !== undefined) this.#socket.write(large, written);
  }

  #releaseWritten(): void {
    for (const outgoing of this.#released.splice(0)) outgoing.release();
  }

  /** Adds to `small` until the batch is full; returns a payload that is to be written behind that by itself. */
  #gather(small: Uint8Array[]): Uint8Array | undefined {
    for (let bytes = 0; bytes < SLICE_BYTES;) {
      if (this.#frame === undefined) {
        small.push(...this.#control.splice(0));
        this.#controlBytes = 0;
      }
      const frame = this.#frame ?? this.#beginFrame(small);
      if (frame === undefined) return undefined;
      const slice = frame.outgoing.bytes.subarray(frame.at, Math.min(frame.end, frame.at + SLICE_BYTES));
      frame.at += slice.length;
      bytes += slice.length + FRAME_HEADER_BYTES;
      if (frame.at === frame.end) {
        this.#frame = undefined;
        const isWhole = frame.end === frame.outgoing.bytes.length;
        if (isWhole || this.#isForgotten(frame.outgoing)) this.#released.push(frame.outgoing);
      }
      if (slice.length >= LARGE_BYTES) return slice;
      if (slice.length > 0) small.push(slice);
    }
    return undefined;
  }

  /** The stream was cancelled while this frame of it was on its way. */
  #isForgotten(outgoing: Outgoing): boolean {
    for (const stream of this.#ready) if (stream.outgoing === outgoing) return false;
    return true;
  }

  #beginFrame(small: Uint8Array[]): OpenFrame | undefined {
    for (const stream of this.#ready) {
      const { outgoing } = stream;
      if (outgoing === undefined) continue;
      const { bytes, framed, isEnd } = outgoing;
      const left = bytes.length - framed;
      const { maxFrameSize, sendWindow } = this.#limits;
      // A window may be negative (RFC 9113 section 6.9.2); an empty DATA frame needs none.
      const length = Math.max(0, Math.min(left, maxFrameSize, stream.sendWindow, sendWindow));
      if (length === 0 && left > 0) continue;
      outgoing.framed += length;
      stream.sendWindow -= length;
      this.#limits.sendWindow -= length;
      const isLast = length === left;
      const flags = isLast && isEnd ? frameFlags.endStream : 0;
      small.push(frameHeader({ length, type: frameTypes.data, flags, streamId: stream.id }));
      if (isLast) {
        this.#ready.delete(stream);
        stream.outgoing = undefined;
        if (isEnd) this.#onEnded(stream);
      } else if (left - length > SHORT_REST_BYTES) {
        this.#ready.delete(stream);
        this.#ready.add(stream);
      }
      this.#frame = { outgoing, at: framed, end: framed + length };
      return this.#frame;
    }
    return undefined;
  }

  #writeTogether(buffers: readonly Uint8Array[], written: (() => void) | undefined): void {
    if (buffers.length === 0) return;
    this.#socket.cork();
    for (const buffer of buffers.slice(0, -1)) this.#socket.write(buffer);
    this.#socket.write(buffers.at(-1), written);
    this.#socket.uncork();
  }
}
