import assert from 'node:assert/strict';
import { performServerHandshake, type ServerHttp2Stream } from 'node:http2';
import { duplexPair, type Duplex } from 'node:stream';
import { test } from 'node:test';

import { KnownError } from '../../../src/model/errors.ts';
import { nodeHttp2ClientTransport } from '../../../src/pbs/node-http2/client-transport.ts';
import type { ClientConnection, ClientResponse, RequestHooks } from '../../../src/pbs/transport/transport.ts';

const settings = { initialWindowSize: 1 << 20, connectionWindowSize: 1 << 20, maxFrameSize: 1 << 20 };
const { signal } = new AbortController();

interface Pair extends Disposable {
  readonly connection: ClientConnection;
  /** The server's end of the wire. */
  readonly wire: Duplex;
}

/**
 * A connection without a network: node:http2 handles all that was sent at once in one call, so that its own events for
 * it come only afterwards. Over TLS it does so after a write that was under way.
 */
function connectPair(
  serve: (stream: ServerHttp2Stream) => void,
  { maxConcurrentStreams = 200 }: { readonly maxConcurrentStreams?: number } = {},
): Pair {
  const [near, far] = duplexPair();
  const session = performServerHandshake(far, { settings: { maxConcurrentStreams } });
  session.on('error', () => {});
  session.on('stream', (stream) => {
    stream.on('error', () => {});
    serve(stream);
  });
  const connection = nodeHttp2ClientTransport.connect(near, { settings });
  return {
    connection,
    wire: far,
    [Symbol.dispose]: () => {
      connection.close();
      far.destroy();
    },
  };
}

const get = async (
  connection: ClientConnection,
  bytes: Uint8Array,
  more: { readonly hooks?: RequestHooks; readonly signal?: AbortSignal } = {},
): Promise<ClientResponse> => await connection.request({ path: '/chunk', signal, receive: () => bytes, ...more });

test('a body that comes together with its head is whole', async () => {
  using pair = connectPair((stream) => {
    pair.wire.cork();
    stream.respond({ ':status': 200, 'content-length': 5 });
    stream.end('whole');
    setImmediate(() => pair.wire.uncork());
  });
  for (let round = 0; round < 3; round += 1) {
    const bytes = new Uint8Array(5);
    const { bodyBytes } = await get(pair.connection, bytes);
    assert.equal(bodyBytes, 5);
    assert.equal(Buffer.from(bytes).toString(), 'whole');
  }
});

test('many bodies at once that come together with their heads are whole', async () => {
  using pair = connectPair((stream) => {
    stream.respond({ ':status': 200, 'content-length': 5 });
    stream.end('whole');
  });
  const answers = Array.from({ length: 16 }, async () => {
    const bytes = new Uint8Array(5);
    await get(pair.connection, bytes);
    return Buffer.from(bytes).toString();
  });
  assert.deepEqual(new Set(await Promise.all(answers)), new Set(['whole']));
});

test('a connection that ends behind the last byte of a body does not spoil it', async () => {
  using pair = connectPair((stream) => {
    stream.respond({ ':status': 200, 'content-length': 5 });
    // No END_STREAM: all bytes are there, and then the connection is gone.
    stream.write('whole', () => setTimeout(() => pair.wire.end(), 20));
  });
  const bytes = new Uint8Array(5);
  assert.equal((await get(pair.connection, bytes)).bodyBytes, 5);
  assert.equal(Buffer.from(bytes).toString(), 'whole');
});

test('the text of a lost connection says how it was lost', async () => {
  const endings: readonly (readonly [end: (pair: Pair, stream: ServerHttp2Stream) => void, text: RegExp])[] = [
    [({ wire }) => wire.end(), /ended the connection/u],
    [(_, stream) => stream.session?.goaway(2), /HTTP\/2 error INTERNAL_ERROR$/u],
    [(_, stream) => stream.session?.close(), /connection|session/u],
    [({ connection }) => connection.close(), /on this side/u],
  ];
  for (const [end, text] of endings) {
    using pair = connectPair((stream) => {
      stream.respond({ ':status': 200, 'content-length': 5 });
      stream.write('wh', () => {
        end(pair, stream);
        setTimeout(() => pair.wire.end(), 20);
      });
    });
    await assert.rejects(get(pair.connection, new Uint8Array(5)), (error: unknown) => {
      assert.ok(error instanceof KnownError);
      assert.equal(error.code, 'connection-lost');
      assert.match(error.message, text);
      assert.doesNotMatch(error.message, /: it was closed$/u);
      return true;
    });
  }
});

test('a request above the number that the server takes waits, and is sent when it is', async () => {
  const streams: ServerHttp2Stream[] = [];
  const finish = (stream: ServerHttp2Stream | undefined): void => {
    stream?.respond({ ':status': 200, 'content-length': 5 });
    stream?.end('whole');
  };
  let isKnown = false;
  using pair = connectPair((stream) => (isKnown ? streams.push(stream) : finish(stream)), { maxConcurrentStreams: 2 });
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  // The server's SETTINGS come before its first answer.
  await get(pair.connection, new Uint8Array(5));
  isKnown = true;
  const sent: number[] = [];
  const request = async (number: number, more: { readonly signal?: AbortSignal } = {}): Promise<ClientResponse> =>
    await get(pair.connection, new Uint8Array(5), { hooks: { requestSent: () => sent.push(number) }, ...more });
  const given = new AbortController();
  const [first, second, third, fourth] = [request(1), request(2), request(3, { signal: given.signal }), request(4)];
  const givenUp = assert.rejects(third, /not needed/u);
  await until(() => streams.length === 2);
  assert.deepEqual(sent, [1, 2]);
  given.abort(new Error('not needed'));
  await givenUp;
  finish(streams[0]);
  await first;
  await until(() => streams.length === 3);
  assert.deepEqual(sent, [1, 2, 4]);
  const fifth = request(5);
  pair.connection.close();
  await Promise.all(
    [second, fourth, fifth].map(async (lost) => await assert.rejects(lost, { code: 'connection-lost' })),
  );
  assert.deepEqual(sent, [1, 2, 4]);
});

/** A server that answers each request with so many bytes of its number, counted from 1. */
const numbered =
  (length: number): ((stream: ServerHttp2Stream) => void) =>
  (stream) => {
    stream.respond({ ':status': 200, 'content-length': length });
    stream.end(Buffer.alloc(length, (stream.id! + 1) / 2));
  };

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

for (const length of [5, 300_000]) {
  test(`a destination that is promised holds the whole connection back until it is there: ${length} bytes`, async () => {
    using pair = connectPair(numbered(length));
    const promised = Promise.withResolvers<Uint8Array>();
    const stages: string[] = [];
    const first = pair.connection.request({
      path: '/1',
      signal,
      receive: () => promised.promise,
      hooks: { lastByte: () => stages.push('first') },
    });
    await turns(50);
    const second = get(pair.connection, new Uint8Array(length), { hooks: { firstByte: () => stages.push('second') } });
    await turns(200);
    assert.deepEqual(stages, [], 'nothing is read');
    const bytes = new Uint8Array(length);
    promised.resolve(bytes);
    assert.equal((await first).bodyBytes, length);
    assert.deepEqual(Buffer.from(bytes), Buffer.alloc(length, 1));
    await second;
    assert.deepEqual(new Set(stages), new Set(['first', 'second']));
  });

  test(`a destination that does not come ends its request only: ${length} bytes`, async () => {
    using pair = connectPair(numbered(length));
    const none = new Error('no memory');
    const first = pair.connection.request({
      path: '/1',
      signal,
      receive: async () => {
        await turns(20);
        throw none;
      },
    });
    const bytes = new Uint8Array(length);
    const second = get(pair.connection, bytes);
    await assert.rejects(first, none);
    await second;
    assert.deepEqual(Buffer.from(bytes), Buffer.alloc(length, 2));
  });

  test(`a request that is aborted while its destination is promised lets the others go on: ${length} bytes`, async () => {
    using pair = connectPair(numbered(length));
    const promised = Promise.withResolvers<Uint8Array>();
    const given = new AbortController();
    const first = pair.connection.request({ path: '/1', signal: given.signal, receive: () => promised.promise });
    const second = get(pair.connection, new Uint8Array(length));
    await turns(50);
    given.abort(new Error('not needed'));
    await assert.rejects(first, /not needed/u);
    assert.equal((await second).bodyBytes, length);
    const late = new Uint8Array(length);
    promised.resolve(late);
    await turns(20);
    assert.deepEqual(Buffer.from(late), Buffer.alloc(length), 'it was not written to');
  });
}

test('a promised destination that is too small is refused', async () => {
  using pair = connectPair(numbered(10));
  const receive = async (): Promise<Uint8Array> => new Uint8Array(9);
  await assert.rejects(pair.connection.request({ path: '/1', signal, receive }), { code: 'response-too-long' });
  assert.equal((await get(pair.connection, new Uint8Array(10))).bodyBytes, 10, 'the connection goes on');
});

test('several promises hold the connection back until the last of them has settled', async () => {
  using pair = connectPair(numbered(100_000));
  const promised = [1, 2].map(() => Promise.withResolvers<Uint8Array>());
  const requests = promised.map(
    async ({ promise }) => await pair.connection.request({ path: '/', signal, receive: () => promise }),
  );
  await turns(50);
  promised[1]!.resolve(new Uint8Array(100_000));
  await turns(200);
  let isDone = false;
  void requests[1]!.then(() => (isDone = true));
  await turns(50);
  assert.equal(isDone, false);
  promised[0]!.resolve(new Uint8Array(100_000));
  for (const request of requests) assert.equal((await request).bodyBytes, 100_000);
});
