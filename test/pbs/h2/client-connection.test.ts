// What the client does before the server knows its settings, with requests that may not or cannot be sent, and around the
// last byte of an answer.
import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';

import { transports } from '../../../src/pbs/transport/transports.ts';
import type {
  ClientConnection,
  ClientResponse,
  ClientTransport,
  Http2Settings,
} from '../../../src/pbs/transport/transport.ts';
import { codeOf, FramePeer, isFrame } from './frame-peer.ts';
import { data, errorCodes, headers, settingIds, settings } from './frames.ts';
import { response } from './header-block.ts';

interface Pair extends Disposable {
  readonly connection: ClientConnection;
  readonly peer: FramePeer;
}

function connect(
  initialWindowSize: number,
  transport: ClientTransport = transports.h2.client,
  more: Partial<Http2Settings> = {},
): Pair {
  const [near, far] = duplexPair();
  const peer = new FramePeer(far, 'server');
  const connection = transport.connect(near, {
    settings: { initialWindowSize, connectionWindowSize: 1 << 20, maxFrameSize: 1 << 20, ...more },
  });
  peer.write(settings());
  return {
    connection,
    peer,
    [Symbol.dispose]: () => {
      connection.close();
      far.destroy();
    },
  };
}

const { signal } = new AbortController();

const get = async (connection: ClientConnection, path: string, bytes: number): Promise<ClientResponse> =>
  await connection.request({ path, signal, receive: () => new Uint8Array(bytes) });

test('a window below the default of the RFC is given back in time to a request that goes out with the settings', async () => {
  using pair = connect(1000);
  const outcome = get(pair.connection, '/', 3000);
  await pair.peer.until(isFrame('headers', 1));
  pair.peer.write(headers(1, response(200, ['content-length', '3000']), { endStream: false }));
  // A server sends as much as the settings allow, and then waits.
  for (let sent = 0; sent < 3000; sent += 1000) {
    pair.peer.write(data(1, Buffer.alloc(1000), { endStream: sent === 2000 }));
    if (sent < 2000) await pair.peer.until(isFrame('windowUpdate', 1));
  }
  assert.equal((await outcome).bodyBytes, 3000);
});

/** After how many bytes the windows of stream and connection were given back, in the order of frames. */
async function givenBack(updateThreshold: number): Promise<Record<'connection' | 'stream', readonly number[]>> {
  using pair = connect(100_000, transports.h2.client, { connectionWindowSize: 200_000, updateThreshold });
  const outcome = get(pair.connection, '/', 400_000);
  await pair.peer.until(isFrame('headers', 1));
  pair.peer.write(headers(1, response(200, ['content-length', '400000']), { endStream: false }));
  const after: Record<'connection' | 'stream', number[]> = { connection: [], stream: [] };
  for (let sent = 1000; sent <= 400_000; sent += 1000) {
    pair.peer.write(data(1, Buffer.alloc(1000), { endStream: false }));
    for (const frame of await pair.peer.untilPong()) {
      if (isFrame('windowUpdate')(frame)) after[frame.stream === 0 ? 'connection' : 'stream'].push(sent);
    }
  }
  pair.peer.write(data(1, Buffer.alloc(0), { endStream: true }));
  assert.equal((await outcome).bodyBytes, 400_000);
  return after;
}

const multiples = (step: number): readonly number[] =>
  Array.from({ length: Math.floor(400_000 / step) }, (_, index) => (index + 1) * step);

test('windows are given back at the configured share of each', async () => {
  assert.deepEqual(await givenBack(0.1), { connection: multiples(20_000), stream: multiples(10_000) });
  assert.deepEqual(await givenBack(0.8), { connection: multiples(160_000), stream: multiples(80_000) });
  assert.deepEqual(await givenBack(1), { connection: multiples(200_000), stream: multiples(100_000) });
});

test('a request whose path cannot be sent fails by itself and leaves no stream behind', async () => {
  using pair = connect(1 << 20);
  await assert.rejects(get(pair.connection, '/\u{100}', 1), RangeError);
  const outcome = get(pair.connection, '/', 4);
  await pair.peer.until(isFrame('headers', 1));
  pair.peer.write(headers(1, response(200), { endStream: false }), data(1, Buffer.from('fine'), { endStream: true }));
  assert.equal((await outcome).bodyBytes, 4);
});

for (const { client: transport } of Object.values(transports)) {
  test(`a server that allows no stream is sent no request until it allows one, by ${transport.name}`, async () => {
    using pair = connect(1 << 20, transport);
    pair.peer.write(settings([settingIds.maxConcurrentStreams, 0]));
    await pair.peer.untilPong();
    const outcomes = Promise.all([get(pair.connection, '/', 4), get(pair.connection, '/', 4)]);
    for (let turns = 0; turns < 3; turns += 1) await pair.peer.untilPong();
    assert.ok(!pair.peer.received.some(isFrame('headers')));
    pair.peer.write(settings([settingIds.maxConcurrentStreams, 1]));
    for (const stream of [1, 3]) {
      await pair.peer.until(isFrame('headers', stream));
      for (let turns = 0; turns < 3; turns += 1) assert.ok(!(await pair.peer.untilPong()).some(isFrame('headers')));
      pair.peer.write(
        headers(stream, response(200), { endStream: false }),
        data(stream, Buffer.from('fine'), { endStream: true }),
      );
    }
    await outcomes;
  });
}

const abandoned = /has no use for it/u;
const throwIt = (): never => {
  throw new Error('the caller has no use for it');
};

test('a hook that throws rejects its request, and the connection goes on', async () => {
  using pair = connect(1 << 20);
  for (const [index, hook] of (['requestSent', 'firstByte', 'lastByte'] as const).entries()) {
    const stream = 2 * index + 1;
    const receive = (): Uint8Array => new Uint8Array(4);
    const outcome = pair.connection.request({ path: '/', signal, receive, hooks: { [hook]: throwIt } });
    const rejected = assert.rejects(outcome, abandoned);
    await pair.peer.until(isFrame('headers', stream));
    pair.peer.write(
      headers(stream, response(200, ['content-length', '4']), { endStream: false }),
      data(stream, Buffer.from('fine'), { endStream: true }),
    );
    await rejected;
  }
  const outcome = get(pair.connection, '/', 4);
  await pair.peer.until(isFrame('headers', 7));
  pair.peer.write(headers(7, response(200), { endStream: false }), data(7, Buffer.from('fine'), { endStream: true }));
  assert.equal((await outcome).bodyBytes, 4);
});

test('a connection that is closed with nothing under way says so', async () => {
  using pair = connect(1000);
  await pair.peer.untilPong();
  pair.connection.close();
  assert.equal(await pair.connection.closed, undefined);
  assert.equal(codeOf(await pair.peer.until(isFrame('goaway'))), errorCodes.noError);
  await pair.peer.ended();
});

test('an abort between the last byte of a body and the end of its stream rejects with its reason', async () => {
  using pair = connect(1 << 20);
  const caller = new AbortController();
  const memory = new Uint8Array(4);
  const outcome = pair.connection.request({ path: '/', signal: caller.signal, receive: () => memory });
  const rejected = assert.rejects(outcome, abandoned);
  await pair.peer.until(isFrame('headers', 1));
  pair.peer.write(
    headers(1, response(200, ['content-length', '4']), { endStream: false }),
    data(1, Buffer.from('fine'), { endStream: false }),
  );
  await pair.peer.untilPong();
  assert.equal(Buffer.from(memory).toString(), 'fine');
  caller.abort(new Error('the caller has no use for it'));
  await rejected;
  await pair.peer.until(isFrame('rstStream', 1));
});
