import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';

import { flags, frameTypes, ping, preface, settings, settingsAck, type Setting } from './frames.ts';

export interface ReceivedFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** How long a peer waits for what must come; only a failing test takes so long. */
const PATIENCE_MS = 5000;

export const isFrame =
  (type: keyof typeof frameTypes, stream?: number) =>
  (frame: ReceivedFrame): boolean =>
    frame.type === frameTypes[type] && (stream === undefined || frame.stream === stream);

export const isAck = ({ flags: bits }: ReceivedFrame): boolean => (bits & flags.ack) !== 0;

/** The error code of a GOAWAY or RST_STREAM. */
export const codeOf = ({ type, payload }: ReceivedFrame): number =>
  payload.readUInt32BE(type === frameTypes.goaway ? 4 : 0);

/** For failing tests. */
export function describeFrame({ type, flags: bits, stream, payload }: ReceivedFrame): string {
  const name = Object.entries(frameTypes).find(([, number]) => number === type)?.[0] ?? `type ${type}`;
  const code =
    type === frameTypes.goaway || type === frameTypes.rstStream
      ? ` code ${codeOf({ type, flags: bits, stream, payload })}`
      : '';
  return `${name} stream ${stream} flags ${bits}${code} (${payload.length} bytes)`;
}

/**
 * One end of a connection that speaks in single frames, right or wrong ones. It answers nothing by itself but SETTINGS,
 * and keeps every frame that it gets until it is asked for.
 */
export class FramePeer implements Disposable {
  readonly socket: Duplex;
  /** Everything that has arrived, in order. */
  readonly received: ReceivedFrame[] = [];
  /** Whether the other end has ended or reset the connection. */
  isEnded = false;
  #next = 0;
  #rest: Buffer = Buffer.alloc(0);
  #prefaceBytes: number;
  #wake: () => void = () => {};
  #answersSettings = true;

  /** @param role as which of the two ends it speaks: a server is sent a preface before any frame */
  constructor(socket: Duplex, role: 'client' | 'server') {
    this.socket = socket;
    this.#prefaceBytes = role === 'server' ? preface.length : 0;
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    const end = (): void => {
      this.isEnded = true;
      this.#wake();
    };
    socket.on('end', end).on('close', end).on('error', end);
  }

  /** A client over TLS with ALPN h2 that has sent nothing yet. */
  static async open(port: number): Promise<FramePeer> {
    const socket = connect({ host: '127.0.0.1', port, ALPNProtocols: ['h2'], rejectUnauthorized: false });
    socket.setNoDelay(true);
    await once(socket, 'secureConnect');
    return new FramePeer(socket, 'client');
  }

  /** Sends preface and SETTINGS, and waits for SETTINGS and their acknowledgement. */
  async shakeHands(...values: readonly Setting[]): Promise<this> {
    this.write(preface, settings(...values));
    await this.until((frame) => isFrame('settings')(frame) && isAck(frame));
    return this;
  }

  write(...frames: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** Writes as far as the other end reads, piece by piece; resolves with false once the connection has ended. */
  async pour(piece: Uint8Array): Promise<boolean> {
    if (this.isEnded) return false;
    if (this.socket.write(piece)) return true;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        this.socket.off('drain', go).off('close', go);
        resolve();
      };
      this.socket.once('drain', go).once('close', go);
    });
    return !this.isEnded;
  }

  leaveSettingsUnanswered(): void {
    this.#answersSettings = false;
  }

  /** The next frame not yet looked at, or undefined when the connection ends before it. */
  async next(): Promise<ReceivedFrame | undefined> {
    const deadline = Date.now() + PATIENCE_MS;
    while (this.#next === this.received.length) {
      if (this.isEnded) return undefined;
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) throw new Error(`no frame within ${PATIENCE_MS} ms; before: ${this.#history()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#next += 1;
    return this.received[this.#next - 1];
  }

  /** The first of the frames to come that fits; those before it are skipped. */
  async until(fits: (frame: ReceivedFrame) => boolean): Promise<ReceivedFrame> {
    for (;;) {
      const frame = await this.next();
      if (frame === undefined) throw new Error(`the connection ended; before: ${this.#history()}`);
      if (fits(frame)) return frame;
    }
  }

  /** Resolves when the other end has closed the connection. */
  async ended(): Promise<void> {
    while ((await this.next()) !== undefined);
  }

  /** What the other end sends until it has worked through everything written so far. */
  async untilPong(): Promise<readonly ReceivedFrame[]> {
    const from = this.#next;
    this.write(ping('sentinel'));
    await this.until((frame) => isFrame('ping')(frame) && isAck(frame) && frame.payload.toString() === 'sentinel');
    return this.received.slice(from, this.#next - 1);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #history = (): string => this.received.map(describeFrame).join(', ') || 'nothing';

  #take(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    if (this.#prefaceBytes > 0) {
      if (this.#rest.length < this.#prefaceBytes) return;
      this.#rest = this.#rest.subarray(this.#prefaceBytes);
      this.#prefaceBytes = 0;
    }
    for (;;) {
      if (this.#rest.length < 9) break;
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) break;
      const [type = 0, bits = 0] = this.#rest.subarray(3, 5);
      const stream = this.#rest.readUInt32BE(5);
      const received = { type, flags: bits, stream, payload: this.#rest.subarray(9, 9 + length) };
      this.#rest = this.#rest.subarray(9 + length);
      this.received.push(received);
      if (this.#answersSettings && isFrame('settings')(received) && !isAck(received)) this.write(settingsAck);
    }
    this.#wake();
  }
}
