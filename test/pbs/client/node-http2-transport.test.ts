import assert from 'node:assert/strict';
import { performServerHandshake, type ServerHttp2Stream } from 'node:http2';
import { duplexPair, type Duplex } from 'node:stream';
import { test } from 'node:test';

import { KnownError } from '../../../src/model/errors.ts';
import { nodeHttp2ClientTransport } from '../../../src/pbs/client/node-http2-transport.ts';
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
    [(_, stream) => stream.session?.goaway(2), /HTTP\/2 error 2|error code 2/u],
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
