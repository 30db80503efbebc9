// What a fetch makes of a server, a TLS connection or a network that fails in the middle of an answer.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import type { TLSSocket } from 'node:tls';

import { monotonicClock } from '../../../src/clock/monotonic.ts';
import { SlabPool } from '../../../src/memory/slab-pool.ts';
import { KnownError } from '../../../src/model/errors.ts';
import type { ReceivedChunk } from '../../../src/model/received-chunk.ts';
import { Secret } from '../../../src/model/secret.ts';
import { connectReader, type ReaderOptions, type ReaderSession } from '../../../src/pbs/client/reader-session.ts';
import { transports } from '../../../src/pbs/transport/transports.ts';
import type { ClientTransport } from '../../../src/pbs/transport/transport.ts';
import { FramePeer, isFrame } from '../h2/frame-peer.ts';
import * as frames from '../h2/frames.ts';
import { response } from '../h2/header-block.ts';
import { PASSWORD, startStubServer, USER, type StubServer } from './stub-server.ts';

const { data, errorCodes, goaway, headers, rstStream } = frames;
const { signal } = new AbortController();

/** Long enough for a busy machine to answer in, short enough to wait for. */
const STALL_MS = 400;
const BODY_BYTES = 1000;
const whole = Buffer.alloc(BODY_BYTES, 'w');

/** The head of a response whose body is to follow, and the two in one. */
const head = (stream: number): Buffer =>
  headers(stream, response(200, ['content-length', String(BODY_BYTES)]), { endStream: false });
const answer = (stream: number): Buffer => Buffer.concat([head(stream), data(stream, whole, { endStream: true })]);

/** The server's end of one session, in frames, with requests on streams 1, 3, 5 ... answered as the test has it. */
interface Failing {
  readonly peer: FramePeer;
  readonly socket: TLSSocket;
}

interface FaultyServer extends AsyncDisposable {
  readonly stub: StubServer;
  readonly session: ReaderSession;
  readonly memory: SlabPool;
  readonly peer: FramePeer;
}

async function open(
  transport: ClientTransport,
  through: (port: number) => Promise<number> = async (port) => await Promise.resolve(port),
): Promise<FaultyServer> {
  const { promise, resolve } = Promise.withResolvers<Failing>();
  const stub = await startStubServer({
    onUpgrade: (socket) => {
      const peer = new FramePeer(socket, 'server');
      peer.write(frames.settings());
      resolve({ peer, socket });
    },
  });
  const memory = new SlabPool({ limit: 16 });
  const options: ReaderOptions = {
    host: '127.0.0.1',
    port: await through(stub.port),
    fingerprint: stub.fingerprint,
    credentials: { authId: USER, secret: new Secret(PASSWORD) },
    store: 'golden',
    snapshot: 'vm/100/2026-02-16T16:30:44Z',
    clock: monotonicClock(),
    signal,
    transport,
    memory,
    timeouts: { stallMs: STALL_MS, stallBytes: 4096 },
  };
  const session = await connectReader(options);
  const { peer } = await promise;
  return {
    stub,
    session,
    memory,
    peer,
    [Symbol.asyncDispose]: async () => {
      await session[Symbol.asyncDispose]();
      await stub[Symbol.asyncDispose]();
    },
  };
}

const fetchAll = (session: ReaderSession, count: number): Promise<PromiseSettledResult<ReceivedChunk>[]> =>
  Promise.allSettled(
    Array.from({ length: count }, async (_, index) => await session.fetch(String(index).repeat(64), signal)),
  );

function assertFailed(outcome: PromiseSettledResult<ReceivedChunk> | undefined, code: string | RegExp): void {
  assert.equal(outcome?.status, 'rejected');
  const error: unknown = outcome.reason;
  assert.ok(error instanceof KnownError, String(error));
  assert.match(error.code, new RegExp(code, 'u'), error.message);
  assert.ok(error.message.length > 20 && error.hint !== undefined, error.message);
  // Codes of HTTP/2 are named.
  assert.doesNotMatch(error.message, /HTTP\/2 error \d/u);
}

/** A chunk that came whole; gives its memory back as a decoder would. */
function assertWhole(outcome: PromiseSettledResult<ReceivedChunk> | undefined): void {
  assert.equal(outcome?.status, 'fulfilled', outcome?.status === 'rejected' ? String(outcome.reason) : '');
  assert.ok(whole.equals(outcome.value.bytes));
  outcome.value.memory.giveBack();
}

const untilRequests = async (peer: FramePeer, count: number): Promise<void> => {
  for (let seen = 0; seen < count; seen += 1) await peer.until(isFrame('headers'));
};

/** Faults of the whole connection: everything under way ends, with this code. */
const connectionFaults: readonly (readonly [name: string, fail: (peer: FramePeer) => void, code: string])[] = [
  ['a connection that ends', ({ socket }) => socket.end(), 'connection-lost'],
  [
    'a frame that is cut off',
    ({ socket }) => {
      socket.write(data(1, whole).subarray(0, 500));
      socket.end();
    },
    'connection-lost',
  ],
  ['a frame header that is cut off', ({ socket }) => socket.end(data(1, whole).subarray(0, 5)), 'connection-lost'],
  [
    'GOAWAY with an error',
    (peer) => peer.write(goaway(0, errorCodes.internalError, 'disk on fire')),
    'connection-lost',
  ],
  ['a server that sends nothing more', () => {}, 'stalled'],
  ['a server that sends only PING', (peer) => every(20, () => peer.write(frames.ping('alive'))), 'stalled'],
  ['a server that sends one byte at a time', (peer) => every(20, () => peer.write(data(1, Buffer.of(1)))), 'stalled'],
  ['DATA on a stream that nobody opened', (peer) => peer.write(data(99, whole)), 'connection-lost'],
  ['a frame longer than announced as the limit', (peer) => peer.write(longFrame()), 'connection-lost'],
  ['a header block that cannot be decoded', (peer) => peer.write(headers(3, Buffer.of(0x40))), 'connection-lost'],
  // node:http2 takes pushed streams, and then nothing more comes.
  ['a push', (peer) => peer.write(frames.pushPromise(1, 2, response(200))), 'connection-lost|stalled'],
];

/** Until the connection ends. */
function every(ms: number, act: () => void): void {
  const timer = setInterval(act, ms);
  setTimeout(() => clearInterval(timer), 10 * STALL_MS).unref();
}

function longFrame(): Buffer {
  return frames.frame(frames.frameTypes.data, { stream: 1, length: 2 ** 24 - 1, payload: whole });
}

/** Faults of stream 1: the request there ends with this code, and the one on stream 3 is none the worse. */
const streamFaults: readonly (readonly [name: string, send: readonly Uint8Array[], code: string])[] = [
  ['a stream that is reset', [head(1), rstStream(1, errorCodes.internalError)], 'stream-reset'],
  ['a stream that is reset in the middle', [head(1), data(1, whole.subarray(1)), rstStream(1, 2)], 'stream-reset'],
  ['a stream that is refused', [rstStream(1, errorCodes.refusedStream)], 'stream-reset'],
  ['a body that is too short', [head(1), data(1, whole.subarray(1), { endStream: true })], 'response-truncated'],
  // node:http2 resets such a stream before it tells of its head.
  ['a head alone', [headers(1, response(200, ['content-length', '1000']))], 'response-truncated|stream-reset'],
];

for (const { client: transport } of Object.values(transports)) {
  describe(`faults in front of ${transport.name}`, () => {
    for (const [name, fail, code] of connectionFaults) {
      test(`${name} fails every fetch under way, and gives their memory back`, async () => {
        await using faulty = await open(transport);
        const { session, peer, memory } = faulty;
        const outcomes = fetchAll(session, 3);
        await untilRequests(peer, 3);
        peer.write(head(1), data(1, whole.subarray(0, 10)), head(5));
        fail(peer);
        for (const outcome of await outcomes) assertFailed(outcome, code);
        assert.equal(memory.lent, 0);
        const [late] = await fetchAll(session, 1);
        assertFailed(late, `connection-lost|${code}`);
      });
    }

    for (const [name, send, code] of streamFaults) {
      test(`${name} fails its fetch; the others go on`, async () => {
        await using faulty = await open(transport);
        const { session, peer, memory } = faulty;
        const outcomes = fetchAll(session, 2);
        await untilRequests(peer, 2);
        peer.write(head(3), ...send);
        peer.write(data(3, whole, { endStream: true }));
        const [first, second] = await outcomes;
        assertFailed(first, code);
        assertWhole(second);
        assert.equal(memory.lent, 0);
        const again = fetchAll(session, 1);
        await untilRequests(peer, 1);
        peer.write(answer(5));
        assertWhole((await again)[0]);
        assert.equal(memory.lent, 0);
      });
    }

    // nghttp2 ends the connection of a stream that breaks the rules once it has a content-length.
    const mayEnd = transport.name === 'node:http2';

    test('a body that is longer than it was said to be', async () => {
      await using faulty = await open(transport);
      const { session, peer, memory } = faulty;
      const outcomes = fetchAll(session, 2);
      await untilRequests(peer, 2);
      peer.write(head(1), data(1, Buffer.alloc(BODY_BYTES + 1), { endStream: true }), answer(3));
      const [first, second] = await outcomes;
      assertFailed(first, mayEnd ? 'connection-lost' : 'response-truncated|response-too-long');
      if (mayEnd) assertFailed(second, 'connection-lost');
      else assertWhole(second);
      assert.equal(memory.lent, 0);
    });

    test('DATA behind the end of a stream does not touch what came before', async () => {
      await using faulty = await open(transport);
      const { session, peer, memory } = faulty;
      const outcomes = fetchAll(session, 1);
      await untilRequests(peer, 1);
      peer.write(answer(1), data(1, Buffer.alloc(BODY_BYTES, 'x'), { endStream: true }));
      assertWhole((await outcomes)[0]);
      assert.equal(memory.lent, 0);
    });

    test('GOAWAY without an error lets what the server has taken be finished', async () => {
      await using faulty = await open(transport);
      const { session, peer, memory } = faulty;
      const outcomes = fetchAll(session, 2);
      await untilRequests(peer, 2);
      peer.write(head(1), goaway(1, errorCodes.noError));
      setTimeout(() => peer.write(data(1, whole, { endStream: true })), 20);
      const [first, second] = await outcomes;
      assertWhole(first);
      assertFailed(second, 'connection-lost|stream-reset');
      assertFailed((await fetchAll(session, 1))[0], 'connection-lost');
      assert.equal(memory.lent, 0);
    });

    test('a connection that is reset', async () => {
      await using relay = await Relay.start();
      await using faulty = await open(transport, async (port) => await Promise.resolve(relay.to(port)));
      const { session, peer, memory } = faulty;
      const outcomes = fetchAll(session, 2);
      await untilRequests(peer, 2);
      peer.write(head(1), data(1, whole.subarray(1)));
      await relay.carried(BODY_BYTES);
      relay.reset();
      for (const outcome of await outcomes) assertFailed(outcome, 'connection-lost');
      assert.equal(memory.lent, 0);
    });

    test('a TLS alert of the server', async () => {
      await using relay = await Relay.start();
      await using faulty = await open(transport, async (port) => await Promise.resolve(relay.to(port)));
      const { session, peer, memory } = faulty;
      const outcomes = fetchAll(session, 2);
      await untilRequests(peer, 2);
      relay.forgeRecordToServer();
      for (const outcome of await outcomes) assertFailed(outcome, 'connection-lost');
      assert.equal(memory.lent, 0);
    });

    test('a TLS record that was changed on its way', async () => {
      await using relay = await Relay.start();
      await using faulty = await open(transport, async (port) => await Promise.resolve(relay.to(port)));
      const { session, peer, memory } = faulty;
      const outcomes = fetchAll(session, 2);
      await untilRequests(peer, 2);
      relay.forgeRecordToClient();
      for (const outcome of await outcomes) assertFailed(outcome, 'connection-lost');
      assert.equal(memory.lent, 0);
    });
  });
}

/** Application data that nobody encrypted, RFC 8446 section 5.2: the other end answers it with an alert. */
const forgedRecord = Buffer.concat([Buffer.of(0x17, 3, 3, 0, 32), Buffer.alloc(32, 'x')]);

/** Carries one TCP connection, and can harm it. */
class Relay implements AsyncDisposable {
  readonly #server: ReturnType<typeof createServer>;
  #targetPort = 0;
  #near: Socket | undefined;
  #far: Socket | undefined;
  #carriedBytes = 0;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    server.on('connection', (near) => {
      this.#near = near;
      const far = connectTcp(this.#targetPort, '127.0.0.1');
      this.#far = far;
      near.on('error', () => far.destroy()).on('close', () => far.destroy());
      far.on('error', () => near.destroy()).on('close', () => near.destroy());
      near.pipe(far);
      far.pipe(near);
      far.on('data', (bytes: Buffer) => {
        this.#carriedBytes += bytes.length;
      });
    });
  }

  static async start(): Promise<Relay> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Relay(server);
  }

  to(port: number): number {
    this.#targetPort = port;
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resolves when so many bytes more have gone to the client. */
  async carried(bytes: number): Promise<void> {
    const goal = this.#carriedBytes + bytes;
    while (this.#carriedBytes < goal) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  reset(): void {
    this.#near?.resetAndDestroy();
  }

  forgeRecordToServer(): void {
    this.#far?.write(forgedRecord);
  }

  forgeRecordToClient(): void {
    this.#near?.write(forgedRecord);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#near?.destroy();
    this.#far?.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
