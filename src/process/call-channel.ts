import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { deserialize, serialize } from 'node:v8';

/** What calls and answers travel over: Node's IPC channel, or a {@link SocketChannel} where that cannot reach. */
export interface CallChannel {
  readonly connected: boolean;
  /** `sent` gets an error when the other end is gone. */
  send(message: object, sent: (error: Error | null) => void): unknown;
  disconnect(): void;
  on(event: 'message' | 'disconnect', listener: (message?: unknown) => void): unknown;
}

/** Path of the local socket that a process started through another program connects to, for its own calls. */
export const CHANNEL_VARIABLE = 'RESTORELAB_CHANNEL';

/** Bytes of the length before each message, little endian. */
const LENGTH_BYTES = 4;

/** Messages over a connected socket, cloned as the IPC channel clones them (`serialization: 'advanced'`). */
export class SocketChannel extends EventEmitter<{ message: [unknown]; disconnect: [] }> implements CallChannel {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    // What follows an error is a close.
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.once('close', () => this.emit('disconnect'));
  }

  get connected(): boolean {
    return this.#socket.writable;
  }

  send(message: object, sent: (error: Error | null) => void): void {
    const body = serialize(message);
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32LE(body.length);
    this.#socket.write(Buffer.concat([length, body]), (error) => sent(error ?? null));
  }

  disconnect(): void {
    this.#socket.end();
  }

  #receive(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    while (this.#received.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + this.#received.readUInt32LE();
      if (this.#received.length < end) return;
      const body = this.#received.subarray(LENGTH_BYTES, end);
      this.#received = this.#received.subarray(end);
      this.emit('message', deserialize(body));
    }
  }
}
