import type { Duplex } from 'node:stream';

/** How long the last frames of this end may take to leave before the socket is closed all the same. */
const LINGER_MS = 1000;

/** Who reads from the socket. */
export interface SocketReader {
  /** Reads from `start` to `end`; returns where it stopped, which is earlier only after `pauseInput`. */
  receive(bytes: Buffer, start: number, end: number): number;
  /** The socket has ended or failed, and everything that arrived before was given. */
  socketEnded(cause: Error | undefined): void;
}

/**
 * The connected socket under a connection: gives what arrives to its reader, piece by piece in the memory in which it
 * arrived, and can hold that back.
 */
export class SocketPort {
  readonly socket: Duplex;
  #reader: SocketReader | undefined;
  #holders = 0;
  /** What arrived although reading was stopped: TLS hands out all that it has decrypted. */
  readonly #kept: Buffer[] = [];
  #error: Error | undefined;
  #hasEnded = false;

  /** @param isFed whether bytes come through `feed` rather than as `data` of the socket */
  constructor(socket: Duplex, { isFed }: { readonly isFed: boolean }) {
    this.socket = socket;
    if (!isFed) socket.on('data', (bytes: Buffer) => this.feed(bytes, bytes.length));
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
    if (head !== undefined && head.length > 0) {
      const bytes = Buffer.from(head);
      this.feed(bytes, bytes.length);
    }
    if (this.socket.destroyed) this.#end();
    else if (this.#holders === 0) this.socket.resume();
  }

  /** The first `length` of these bytes have arrived; the memory may be used again afterwards. */
  feed(bytes: Buffer, length: number): void {
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
