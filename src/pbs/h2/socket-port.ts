import type { OnReadOpts } from 'node:net';
import type { Duplex } from 'node:stream';

import { RECORD_BYTES } from './read-places.ts';

/** How long the last frames of this end may take to leave before the socket is closed all the same. */
const LINGER_MS = 1000;

/** Who reads from the socket. */
export interface SocketReader {
  /** Reads from `start` to `end`; returns where it stopped, which is earlier only after `pauseInput`. */
  receive(bytes: Buffer, start: number, end: number): number;
  /** Where the next bytes belong, whatever they are; undefined where they must be looked at first. */
  placeForInput(): Uint8Array | undefined;
  /** So many bytes have arrived in the place that was given last. */
  placed(length: number): void;
  /** The socket has ended or failed, and everything that arrived before was given. */
  socketEnded(cause: Error | undefined): void;
}

/** The part of a `node:net` handle that says where the next read goes. */
interface ReadingHandle {
  useUserBuffer?(buffer: Uint8Array): void;
}

/**
 * The connected socket under a connection: gives what arrives to its reader and can hold it back. A socket that was
 * made with {@link onread} writes what it decrypts straight to where it belongs, as far as that is known; that is the
 * only copy that such a byte sees.
 */
export class SocketPort {
  #socket: (Duplex & { readonly _handle?: ReadingHandle | null }) | undefined;
  #reader: SocketReader | undefined;
  readonly #beforeStart: (bytes: Uint8Array) => void;
  /**
   * Longer than a read can be: a copy of a whole buffer into shared memory is done word by word by V8, four times as
   * slow as one of a part, which is a plain memmove.
   */
  readonly #scratch: Buffer = Buffer.allocUnsafeSlow(RECORD_BYTES + 64);
  /** Where the next read goes, if not to the scratch memory. */
  #place: Uint8Array | undefined;
  #isInCallback = false;
  #holders = 0;
  /** What arrived although reading was stopped: TLS hands out all that it has decrypted. */
  readonly #kept: Buffer[] = [];
  #error: Error | undefined;
  #hasEnded = false;
  #isFinished = false;

  /** @param beforeStart given what arrives before `start`, valid only during the call */
  constructor(beforeStart: (bytes: Uint8Array) => void = () => {}) {
    this.#beforeStart = beforeStart;
  }

  /** For the making of a socket, once. */
  get onread(): OnReadOpts {
    return {
      buffer: () => {
        this.#place = this.#holders === 0 && this.#kept.length === 0 ? this.#reader?.placeForInput() : undefined;
        return this.#place ?? this.#scratch;
      },
      callback: (length) => {
        this.#isInCallback = true;
        if (this.#place === undefined) this.#arrived(this.#scratch, length);
        else this.#reader?.placed(length);
        this.#isInCallback = false;
        return true;
      },
    };
  }

  get socket(): Duplex {
    if (this.#socket === undefined) throw new Error('the connection has no socket yet');
    return this.#socket;
  }

  /** @param isFed whether the socket was made with {@link onread} and emits no `data` */
  attach(socket: Duplex, { isFed }: { readonly isFed: boolean }): void {
    this.#socket = socket;
    if (!isFed) socket.on('data', (bytes: Buffer) => this.#arrived(bytes, bytes.length));
    socket.on('error', (error: Error) => {
      this.#error ??= error;
      // After a TLS error Node leaves the socket open, and nothing follows.
      socket.destroy();
      this.#end();
    });
    socket.once('end', () => this.#end());
    socket.once('close', () => this.#end());
  }

  /** Begins to read; `head` has arrived already. */
  start(reader: SocketReader, head: Uint8Array | undefined): void {
    this.#reader = reader;
    if (head !== undefined && head.length > 0) this.#arrived(Buffer.from(head), head.length);
    if (this.socket.destroyed) this.#end();
    else if (this.#holders === 0) this.socket.resume();
  }

  /**
   * The place that the reader gave last is no longer its own: nothing is written there any more when this returns.
   * Only between two reads is there something to do; `node:net` asks for a place after each.
   */
  withdrawPlace(): void {
    if (this.#place === undefined || this.#isInCallback) return;
    this.#place = undefined;
    this.#socket?._handle?.useUserBuffer?.(this.#scratch);
  }

  #arrived(bytes: Buffer, length: number): void {
    if (this.#isFinished) return;
    if (this.#reader === undefined && this.#socket === undefined) {
      this.#beforeStart(bytes.subarray(0, length));
      return;
    }
    if (this.#reader === undefined || this.#holders > 0 || this.#kept.length > 0) {
      this.#kept.push(Buffer.from(bytes.subarray(0, length)));
      return;
    }
    const stopped = this.#reader.receive(bytes, 0, length);
    if (stopped < length) this.#kept.push(Buffer.from(bytes.subarray(stopped, length)));
  }

  /** Stops reading until as many calls of `resumeInput` have followed as of this. */
  pauseInput(): void {
    this.#holders += 1;
    this.socket.pause();
  }

  resumeInput(): void {
    this.#holders -= 1;
    while (this.#holders === 0) {
      const bytes = this.#kept[0];
      if (bytes === undefined) break;
      const stopped = this.#reader?.receive(bytes, 0, bytes.length) ?? bytes.length;
      if (stopped < bytes.length) this.#kept[0] = bytes.subarray(stopped);
      else this.#kept.shift();
    }
    if (this.#holders > 0) return;
    if (this.#hasEnded) this.#reader?.socketEnded(this.#error);
    else if (!this.socket.destroyed) this.socket.resume();
  }

  /** Closes the socket when the last frames of this end have had their time, whether or not they have left. */
  destroySoon(): void {
    const timer = setTimeout(() => this.socket.destroy(), LINGER_MS);
    this.socket.once('close', () => clearTimeout(timer));
  }

  /**
   * Ends this side, and leaves the rest to the other end; {@link destroySoon} goes before. What still arrives is thrown
   * away: closing it unread would reset the connection, and the other end lose our last frames.
   */
  finish(): void {
    this.#isFinished = true;
    this.#kept.length = 0;
    this.socket.end();
    this.socket.resume();
  }

  destroy(): void {
    this.socket.destroy();
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#holders === 0) this.#reader?.socketEnded(this.#error);
  }
}
