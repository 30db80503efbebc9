import type { Socket } from 'node:net';

import type { HeaderField } from '../../../../src/pbs/h2/hpack/header-field.ts';
import { HpackDecoder, type DecodedBlock } from '../../../../src/pbs/h2/hpack/hpack-decoder.ts';
import { HpackEncoder } from '../../../../src/pbs/h2/hpack/hpack-encoder.ts';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const FRAME_HEADER_BYTES = 9;
const frameTypes = { headers: 1, reset: 3, settings: 4, goAway: 7 } as const;
const ACK = 1;
const END_STREAM_AND_HEADERS = 5;
const HEADER_TABLE_SIZE = 1;

interface ReceivedHeaders extends DecodedBlock {
  readonly stream: number;
}

/** As much of HTTP/2 as it takes to exchange header blocks with a sound peer: one HEADERS frame a stream and direction. */
export class RawPeer {
  readonly #socket: Socket;
  readonly #encoder = new HpackEncoder({ maxTableBytes: 65_536 });
  readonly #decoder = new HpackDecoder({ maxListBytes: 1 << 20 });
  readonly #arrived: ReceivedHeaders[] = [];
  readonly #unacknowledged: { readonly bytes: number; readonly whenDone: PromiseWithResolvers<void> }[] = [];
  #received: Buffer = Buffer.alloc(0);
  #prefaceBytes: number;
  #wake = Promise.withResolvers<void>();
  #failure: Error | undefined;

  constructor(socket: Socket, role: 'client' | 'server') {
    this.#socket = socket;
    this.#prefaceBytes = role === 'server' ? PREFACE.length : 0;
    socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data]);
      try {
        this.#readFrames();
      } catch (error) {
        this.#fail(error as Error);
      }
    });
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the connection is closed')));
    if (role === 'client') socket.write(PREFACE);
    // That it fails is seen by what waits for the peer's headers.
    this.changeTable(4096).catch(() => undefined);
  }

  send(stream: number, fields: readonly HeaderField[]): void {
    this.#write(frameTypes.headers, END_STREAM_AND_HEADERS, stream, this.#encoder.encode(fields));
  }

  /** The next header block that arrives, in order. */
  async receive(): Promise<ReceivedHeaders> {
    for (;;) {
      const headers = this.#arrived.shift();
      if (headers !== undefined) return headers;
      if (this.#failure !== undefined) throw this.#failure;
      await this.#wake.promise;
    }
  }

  /** Sends SETTINGS_HEADER_TABLE_SIZE; done when it is acknowledged. */
  changeTable(bytes: number): Promise<void> {
    const payload = Buffer.alloc(6);
    payload.writeUInt16BE(HEADER_TABLE_SIZE);
    payload.writeUInt32BE(bytes, 2);
    this.#write(frameTypes.settings, 0, 0, payload);
    const whenDone = Promise.withResolvers<void>();
    this.#unacknowledged.push({ bytes, whenDone });
    return whenDone.promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#socket.destroy();
    this.#wake.resolve();
    for (const { whenDone } of this.#unacknowledged.splice(0)) whenDone.reject(error);
  }

  #write(type: number, flags: number, stream: number, payload: Uint8Array): void {
    const header = Buffer.alloc(FRAME_HEADER_BYTES);
    header.writeUIntBE(payload.length, 0, 3);
    header[3] = type;
    header[4] = flags;
    header.writeUInt32BE(stream, 5);
    this.#socket.write(Buffer.concat([header, payload]));
  }

  #readFrames(): void {
    if (this.#received.length < this.#prefaceBytes) return;
    this.#received = this.#received.subarray(this.#prefaceBytes);
    this.#prefaceBytes = 0;
    while (this.#received.length >= FRAME_HEADER_BYTES) {
      const end = FRAME_HEADER_BYTES + this.#received.readUIntBE(0, 3);
      if (this.#received.length < end) return;
      const [type = 0, flags = 0] = this.#received.subarray(3, 5);
      this.#take(type, flags, this.#received.readUInt32BE(5), this.#received.subarray(FRAME_HEADER_BYTES, end));
      this.#received = this.#received.subarray(end);
    }
  }

  #take(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === frameTypes.headers) {
      // Node sends no padding, and the priority that its requests may have is not in use.
      if ((flags & ~1) !== 4) throw new Error(`HEADERS with flags ${flags}`);
      this.#arrived.push({ stream, ...this.#decoder.decode(payload) });
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    } else if (type === frameTypes.settings && flags === ACK) {
      const change = this.#unacknowledged.shift();
      if (change === undefined) throw new Error('an acknowledgement of nothing');
      this.#decoder.setMaxTableBytes(change.bytes);
      change.whenDone.resolve();
    } else if (type === frameTypes.settings) {
      for (let at = 0; at < payload.length; at += 6) {
        if (payload.readUInt16BE(at) === HEADER_TABLE_SIZE)
          this.#encoder.setMaxTableBytes(payload.readUInt32BE(at + 2));
      }
      this.#write(frameTypes.settings, ACK, 0, Buffer.alloc(0));
    } else if (type === frameTypes.goAway || type === frameTypes.reset) {
      throw new Error(`frame of type ${type}: error ${payload.readUInt32BE(type === frameTypes.goAway ? 4 : 0)}`);
    }
  }
}
