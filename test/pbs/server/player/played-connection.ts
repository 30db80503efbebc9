// A client that writes every byte of HTTP/1.1 and HTTP/2 itself, over TLS.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';

import { ResponseFields } from './response-fields.ts';
import type { Field } from '../log-entries.ts';

export interface PlayedAnswer {
  readonly fields: readonly Field[];
  body: Buffer;
}

interface OpenStream {
  fields: readonly Field[];
  readonly pieces: Buffer[];
  readonly answered: PromiseWithResolvers<PlayedAnswer>;
  window: number;
}

/** RFC 9113 sections 6 and 7. */
const types = { data: 0, headers: 1, rstStream: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 } as const;
const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;
const settingIds: Readonly<Record<string, number>> = { INITIAL_WINDOW_SIZE: 4, MAX_FRAME_SIZE: 5 };
const DEFAULT_WINDOW = 65_535;

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(9 + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes.set([type, flags], 3);
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, 9);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A literal without index and without Huffman codes, name and value as they are. */
function literal([name, value]: Field): Buffer {
  const text = (latin1: string): Buffer => {
    const bytes = Buffer.from(latin1, 'latin1');
    if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
    const rest = bytes.length - 127;
    const length = rest < 128 ? [127, rest] : [127, 128 + (rest % 128), Math.floor(rest / 128)];
    return Buffer.concat([Buffer.from(length), bytes]);
  };
  return Buffer.concat([Buffer.of(0), text(name), text(value)]);
}

export class PlayedConnection {
  readonly #socket: TLSSocket;
  readonly #decoder: ResponseFields = new ResponseFields();
  readonly #streams: Map<number, OpenStream> = new Map();
  #received: Buffer = Buffer.alloc(0);
  readonly #arrived: Buffer[] = [];
  #arrivedBytes = 0;
  /** Of the frame that has begun. */
  #neededBytes = 0;
  #isHttp2 = false;
  #wake: () => void = () => {};
  #isOver = false;
  #window = DEFAULT_WINDOW;
  #streamWindow = DEFAULT_WINDOW;
  #maxFrame = 16_384;
  /** SETTINGS and WINDOW_UPDATEs of the server, as `NUMBER=VALUE` and `STREAM+INCREMENT`. */
  readonly announced: string[] = [];

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.#arrived.push(bytes);
      this.#arrivedBytes += bytes.length;
      // Pieces of a long frame are put together once.
      if (this.#received.length + this.#arrivedBytes < this.#neededBytes) return;
      this.#received = Buffer.concat([this.#received, ...this.#arrived.splice(0)]);
      this.#arrivedBytes = 0;
      if (this.#isHttp2) this.#readFrames();
      this.#wake();
    });
    const end = (): void => {
      this.#isOver = true;
      for (const { answered } of this.#streams.values()) answered.reject(new Error('the server ended the connection'));
      this.#wake();
    };
    socket.on('error', end).on('close', end);
  }

  /** As real clients do for an IP address: no server name and no ALPN. */
  static async open(port: number): Promise<PlayedConnection> {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    return new PlayedConnection(socket);
  }

  async close(): Promise<void> {
    if (this.#isOver) return;
    const closed = once(this.#socket, 'close');
    this.#socket.end();
    await closed;
  }

  /** Sends a request as text and reads its answer, whose length is announced or which has no body. */
  async exchange(request: string): Promise<{ readonly lines: readonly string[]; readonly body: string }> {
    this.#socket.write(request);
    for (;;) {
      const end = this.#received.indexOf('\r\n\r\n');
      if (end !== -1) {
        const lines = this.#received.toString('latin1', 0, end).split('\r\n');
        const length = Number(/^content-length: (\d+)$/mu.exec(lines.join('\n'))?.[1] ?? 0);
        if (this.#received.length >= end + 4 + length) {
          const body = this.#received.toString('utf8', end + 4, end + 4 + length);
          this.#received = this.#received.subarray(end + 4 + length);
          return { lines, body };
        }
      }
      await this.#more();
    }
  }

  /** From here on the connection speaks HTTP/2. */
  preface(): void {
    this.#isHttp2 = true;
    this.#socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    this.#readFrames();
  }

  settings(values: readonly (readonly [name: string, value: number])[]): void {
    const payload = values.map(([name, value]) => {
      const id = settingIds[name];
      assert.ok(id !== undefined, name);
      return Buffer.concat([Buffer.of(0, id), uint32(value)]);
    });
    this.#socket.write(frame(types.settings, 0, 0, Buffer.concat(payload)));
  }

  windowUpdate(stream: number, increment: number): void {
    this.#socket.write(frame(types.windowUpdate, 0, stream, uint32(increment)));
  }

  headers(stream: number, fields: readonly Field[], isEnd: boolean): void {
    const answered = Promise.withResolvers<PlayedAnswer>();
    answered.promise.catch(() => {});
    this.#streams.set(stream, { fields: [], pieces: [], answered, window: this.#streamWindow });
    const block = Buffer.concat(fields.map(literal));
    this.#socket.write(frame(types.headers, END_HEADERS | (isEnd ? END_STREAM : 0), stream, block));
  }

  /** The whole body, in frames as long as the server takes them. */
  async data(stream: number, body: Buffer): Promise<void> {
    const open = this.#stream(stream);
    for (let at = 0; at < body.length || body.length === 0;) {
      while (Math.min(open.window, this.#window) <= 0) await this.#more();
      const length = Math.min(body.length - at, this.#maxFrame, open.window, this.#window);
      open.window -= length;
      this.#window -= length;
      const isLast = at + length === body.length;
      this.#socket.write(frame(types.data, isLast ? END_STREAM : 0, stream, body.subarray(at, at + length)));
      at += length;
      if (isLast) return;
    }
  }

  async answer(stream: number): Promise<PlayedAnswer> {
    return await this.#stream(stream).answered.promise;
  }

  #stream(stream: number): OpenStream {
    const open = this.#streams.get(stream);
    assert.ok(open !== undefined, `stream ${stream} is open`);
    return open;
  }

  async #more(): Promise<void> {
    if (this.#isOver)
      throw new Error(`the connection ended after ${JSON.stringify(this.#received.toString('latin1'))}`);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  #readFrames(): void {
    while (this.#received.length >= 9) {
      const length = this.#received.readUIntBE(0, 3);
      this.#neededBytes = 9 + length;
      if (this.#received.length < this.#neededBytes) return;
      const [type = 0, flags = 0] = this.#received.subarray(3, 5);
      const stream = this.#received.readUInt32BE(5);
      const payload = this.#received.subarray(9, 9 + length);
      this.#received = this.#received.subarray(9 + length);
      this.#neededBytes = 0;
      this.#take(type, flags, stream, payload);
    }
  }

  #take(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === types.settings && (flags & ACK) === 0) this.#takeSettings(payload);
    if (type === types.windowUpdate) {
      this.announced.push(`${stream}+${payload.readUInt32BE(0)}`);
      if (stream === 0) this.#window += payload.readUInt32BE(0);
      else this.#stream(stream).window += payload.readUInt32BE(0);
    }
    assert.notEqual(type, types.rstStream, `the server reset stream ${stream}`);
    if (type === types.goaway) assert.equal(payload.readUInt32BE(4), 0, 'the server found an error');
    if (type !== types.headers && type !== types.data) return;
    const open = this.#stream(stream);
    if (type === types.headers) {
      assert.ok((flags & END_HEADERS) !== 0, 'header blocks of answers are short');
      open.fields = this.#decoder.decode(payload);
    } else {
      open.pieces.push(Buffer.from(payload));
    }
    if ((flags & END_STREAM) !== 0) open.answered.resolve({ fields: open.fields, body: Buffer.concat(open.pieces) });
  }

  #takeSettings(payload: Buffer): void {
    for (let at = 0; at < payload.length; at += 6) {
      const [id, value] = [payload.readUInt16BE(at), payload.readUInt32BE(at + 2)];
      this.announced.push(`${id}=${value}`);
      if (id === 4) {
        for (const stream of this.#streams.values()) stream.window += value - this.#streamWindow;
        this.#streamWindow = value;
      }
      if (id === 5) this.#maxFrame = value;
    }
    this.#socket.write(frame(types.settings, ACK, 0, new Uint8Array(0)));
  }
}
