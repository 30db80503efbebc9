import assert from 'node:assert/strict';
import type { OnReadOpts } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { KnownError } from '../../../src/model/errors.ts';
import { transports } from '../../../src/pbs/transport/transports.ts';
import type { ClientResponse, Http2Settings, ServerHandler } from '../../../src/pbs/transport/transport.ts';
import type { FuzzTarget } from '../format/mutations.ts';
import { ANSWER_BYTES, ClientSequence, REQUESTS, ServerSequence } from './frame-sequences.ts';
import { errorCodes, frameTypes, preface } from './frames.ts';

/** The connection was ended for what it was fed, by a GOAWAY with an error. */
class ConnectionRefused extends Error {}

const announced: Http2Settings = {
  initialWindowSize: 20_000,
  connectionWindowSize: 65_535,
  maxFrameSize: 16_384,
  maxHeaderListSize: 4000,
};

const large = Buffer.alloc(200_000, 'l');

const handler: ServerHandler = async ({ path }) => {
  if (path === '/failing') throw new Error('as planned');
  if (path === '/pieces') return { status: 200, headers: {}, body: pieces() };
  const body = path === '/large' ? large : Buffer.alloc(path === '/empty' ? 0 : 100, 's');
  return await Promise.resolve({ status: path === '/missing' ? 404 : 200, headers: { 'x-a': 'b' }, body });
};

async function* pieces(): AsyncGenerator<Uint8Array> {
  for (let count = 0; count < 5; count += 1) yield await Promise.resolve(large.subarray(0, 500));
}

/** Takes everything, and holds what was written to the rules. */
class MemorySocket extends Duplex {
  /** Of the last GOAWAY. */
  goawayCode: number | undefined;
  /** Why what was written is wrong. */
  defect: string | undefined;
  #rest: Buffer;
  #skip: number;

  constructor(prefaceBytes: number) {
    super();
    this.#rest = Buffer.alloc(0);
    this.#skip = prefaceBytes;
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.#check(bytes);
    done();
  }

  #check(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    if (this.#skip > 0) {
      if (this.#rest.length < this.#skip) return;
      this.#rest = this.#rest.subarray(this.#skip);
      this.#skip = 0;
    }
    while (this.#rest.length >= 9) {
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) return;
      const type = this.#rest[3];
      if (type === frameTypes.goaway) {
        this.goawayCode = this.#rest.readUInt32BE(13);
        if (this.goawayCode === errorCodes.internalError) this.defect = 'GOAWAY with INTERNAL_ERROR';
      }
      if (type === undefined || type > frameTypes.continuation) this.defect = `a frame of type ${type}`;
      this.#rest = this.#rest.subarray(9 + length);
    }
  }
}

/** Frames that were fed to connections which had not ended by then. */
let fedFrames = 0;

/** Counts the frames of an input by their own lengths, as a reader does. */
function countFrames(bytes: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < bytes.length; count += 1) {
    at += 9 + (bytes[at] ?? 0) * 65_536 + (bytes[at + 1] ?? 0) * 256 + (bytes[at + 2] ?? 0);
  }
  return count;
}

/** Hands the input over in pieces of lengths that only depend on it. Returns how much was taken. */
async function feed(input: Uint8Array, give: (piece: Buffer) => void, isOver: () => boolean): Promise<number> {
  let state = input.length + 1;
  let at = 0;
  for (let turn = 0; at < input.length && !isOver(); turn += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 1;
    const length = 1 + (state % (turn % 3 === 0 ? 20 : 4000));
    give(Buffer.from(input.subarray(at, at + length)));
    at += length;
    if (turn % 2 === 0) await nextTurn();
  }
  return Math.min(at, input.length);
}

/** As a socket with `onread` does: into the memory that is asked for before each read. */
function readInto(onread: OnReadOpts, piece: Buffer): void {
  for (let at = 0; at < piece.length;) {
    const memory = typeof onread.buffer === 'function' ? onread.buffer() : onread.buffer;
    const length = piece.copy(memory, 0, at);
    at += length;
    onread.callback(length, memory);
  }
}

function judge(socket: MemorySocket): void {
  if (socket.defect !== undefined) throw new Error(socket.defect);
  if (socket.goawayCode !== undefined && socket.goawayCode !== errorCodes.noError)
    throw new ConnectionRefused(`code ${socket.goawayCode}`);
}

async function readAsServer(input: Uint8Array): Promise<void> {
  const socket = new MemorySocket(0);
  const connection = transports.h2.server.accept(socket, handler, {
    settings: { ...announced, maxConcurrentStreams: 20 },
  });
  const fed = await feed(
    input,
    (piece) => socket.emit('data', piece),
    () => socket.goawayCode !== undefined,
  );
  fedFrames += countFrames(input.subarray(preface.length, fed));
  await nextTurn();
  socket.destroy();
  await connection.closed;
  judge(socket);
}

async function readAsClient(input: Uint8Array): Promise<void> {
  const socket = new MemorySocket(preface.length);
  const prepared = transports.h2.client.prepareSocket?.(() => {});
  assert.ok(prepared !== undefined);
  const connection = prepared.connect(socket, { settings: announced });
  const { signal } = new AbortController();
  const memory = Array.from({ length: REQUESTS }, () => new Uint8Array(ANSWER_BYTES));
  const outcomes = Promise.allSettled(
    memory.map(async (bytes) => await connection.request({ path: '/', signal, receive: () => bytes })),
  );
  await nextTurn();
  const fed = await feed(
    input,
    (piece) => readInto(prepared.onread, piece),
    () => socket.goawayCode !== undefined,
  );
  fedFrames += countFrames(input.subarray(0, fed));
  await nextTurn();
  connection.close();
  for (const [index, outcome] of (await outcomes).entries()) judgeOutcome(outcome, memory[index]);
  await connection.closed;
  judge(socket);
}

function judgeOutcome(outcome: PromiseSettledResult<ClientResponse>, bytes: Uint8Array | undefined): void {
  if (outcome.status === 'rejected') {
    if (!(outcome.reason instanceof KnownError)) throw outcome.reason;
    return;
  }
  const { bodyBytes, contentLength = bodyBytes } = outcome.value;
  if (bodyBytes !== contentLength || bodyBytes > (bytes?.length ?? 0))
    throw new Error(`${bodyBytes} bytes of ${contentLength}`);
}

/** Connections of both ends without sockets, fed with sequences of frames. */
export function connectionFuzzTargets(): readonly FuzzTarget[] {
  const shared = { weight: 2.5, seeds: [], refusal: ConnectionRefused };
  return [
    {
      ...shared,
      name: 'frames to a server',
      make: (random) => new ClientSequence(random).make(),
      read: readAsServer,
      parts: () => `${fedFrames} frames so far`,
    },
    {
      ...shared,
      name: 'frames to a client',
      make: (random) => new ServerSequence(random).make(),
      read: readAsClient,
      parts: () => `${fedFrames} frames so far`,
    },
  ];
}
