import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { performServerHandshake, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { duplexPair } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';

import { transportNames, type TransportName } from '../../../src/model/transport.ts';
import { KiB, MiB } from '../../../src/model/units.ts';
import { transports } from '../../../src/pbs/transport/transports.ts';
import type { ClientConnection, ClientRequest, ServerHandler } from '../../../src/pbs/transport/transport.ts';

const settings = { initialWindowSize: 1 << 20, connectionWindowSize: 1 << 20, maxFrameSize: 1 << 20 };
const { signal } = new AbortController();

interface Pair extends Disposable {
  readonly connection: ClientConnection;
  /** Ends the connection from the server's side. */
  readonly cut: () => void;
}

/** A client of ours and a server of Node's, without a network between them. */
function connectPair(
  name: TransportName,
  serve: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
  { initialWindowSize = 64 * KiB, maxConcurrentStreams = 200 } = {},
): Pair {
  const [near, far] = duplexPair();
  const session = performServerHandshake(far, { settings: { initialWindowSize, maxConcurrentStreams } });
  session.on('error', () => {});
  session.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    serve(stream, headers);
  });
  const connection = transports[name].client.connect(near, { settings });
  return {
    connection,
    cut: () => far.end(),
    [Symbol.dispose]: () => {
      connection.close();
      far.destroy();
    },
  };
}

const send = async (
  connection: ClientConnection,
  request: Partial<ClientRequest>,
): Promise<{ readonly status: number; readonly text: string }> => {
  const pieces: Buffer[] = [];
  const { status } = await connection.request({
    method: 'POST',
    path: '/fixed_chunk?wid=1',
    signal,
    receive: () => (piece) => void pieces.push(Buffer.from(piece)),
    ...request,
  });
  return { status, text: Buffer.concat(pieces).toString() };
};

const respond = (stream: ServerHttp2Stream, text: string, status = 200): void => {
  stream.respond({ ':status': status });
  stream.end(text);
};

for (const name of transportNames) {
  test(`${name}: bodies of all lengths arrive whole, many at a time, through windows smaller than they are`, async () => {
    const received = new Map<string, Buffer>();
    using pair = connectPair(name, (stream, headers) => {
      void buffer(stream).then((bytes) => {
        received.set(String(headers[':path']), bytes);
        respond(stream, String(bytes.length));
      });
    });
    const bodies = [0, 1, 16_384, 65_535, 65_536, 300_000, MiB + 12].map((length) => randomBytes(length));
    const answers = await Promise.all(
      bodies.map(async (body, index) => await send(pair.connection, { path: `/${index}`, body })),
    );
    for (const [index, body] of bodies.entries()) {
      assert.deepEqual(answers[index], { status: 200, text: String(body.length) });
      assert.ok(received.get(`/${index}`)?.equals(body), `body of ${body.length} bytes`);
    }
  });

  test(`${name}: the method is the one asked for, and without a body the headers end the stream`, async () => {
    const seen: IncomingHttpHeaders[] = [];
    using pair = connectPair(name, (stream, headers) => {
      seen.push(headers);
      respond(stream, String(stream.endAfterHeaders));
    });
    for (const method of ['GET', 'POST', 'PUT'] as const)
      assert.equal((await send(pair.connection, { method, headers: { 'content-type': 'a/b' } })).text, 'true');
    assert.equal((await send(pair.connection, { method: 'PUT', body: new Uint8Array(3) })).text, 'false');
    assert.deepEqual(
      seen.map((headers) => [headers[':method'], headers['content-length']]),
      [
        ['GET', undefined],
        ['POST', undefined],
        ['PUT', undefined],
        ['PUT', undefined],
      ],
    );
    assert.equal(seen[0]?.['content-type'], 'a/b');
  });

  test(`${name}: a server that does not read holds the body back, and then gets the rest`, async () => {
    const { promise: opened, resolve: open } = Promise.withResolvers<ServerHttp2Stream>();
    using pair = connectPair(name, open, { initialWindowSize: 20_000 });
    const body = randomBytes(MiB);
    const answer = send(pair.connection, { body });
    const stream = await opened;
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.ok(stream.readableLength <= 20_000, `${stream.readableLength} bytes have come`);
    const bytes = await buffer(stream);
    respond(stream, 'done');
    assert.equal((await answer).text, 'done');
    assert.ok(bytes.equals(body));
  });

  test(`${name}: an answer before the body was read is the answer, and the connection goes on`, async () => {
    let isClosed = false;
    using pair = connectPair(name, (stream, headers) => {
      if (headers[':path'] !== '/early')
        return void buffer(stream).then((bytes) => respond(stream, String(bytes.length)));
      stream.once('close', () => {
        isClosed = true;
      });
      return respond(stream, 'too large', 400);
    });
    const early = await send(pair.connection, { path: '/early', body: new Uint8Array(4 * MiB) });
    assert.deepEqual(early, { status: 400, text: 'too large' });
    for (let round = 0; round < 3; round += 1)
      assert.equal((await send(pair.connection, { body: new Uint8Array(200_000) })).text, '200000');
    assert.ok(isClosed, 'the stream of the early answer is over');
  });

  test(`${name}: an aborted upload leaves the others alone`, async () => {
    const aborting = new AbortController();
    const seen: number[] = [];
    using pair = connectPair(name, (stream, headers) => {
      if (headers[':path'] === '/stuck') stream.once('close', () => seen.push(stream.rstCode));
      else void buffer(stream).then((bytes) => respond(stream, String(bytes.length)));
    });
    const stuck = send(pair.connection, { path: '/stuck', body: new Uint8Array(MiB), signal: aborting.signal });
    const going = send(pair.connection, { body: new Uint8Array(MiB) });
    setTimeout(() => aborting.abort(new Error('enough')), 10);
    await assert.rejects(stuck, /enough/u);
    assert.equal((await going).text, String(MiB));
    assert.equal((await send(pair.connection, { body: new Uint8Array(5) })).text, '5');
    assert.deepEqual(seen, [8]);
  });

  test(`${name}: uploads of a connection that is lost reject`, async () => {
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    using pair = connectPair(name, () => open());
    const answers = Promise.allSettled(
      Array.from({ length: 3 }, async () => await send(pair.connection, { body: new Uint8Array(MiB) })),
    );
    await opened;
    pair.cut();
    for (const answer of await answers) {
      assert.equal(answer.status, 'rejected');
      assert.equal((answer.reason as { code: string }).code, 'connection-lost');
    }
  });
}

test('h2 tells when a body needs its memory no more', async () => {
  using pair = connectPair(
    'h2',
    (stream) => void buffer(stream).then((bytes) => respond(stream, String(bytes.length))),
  );
  const order: string[] = [];
  const hooks = { bodySent: () => void order.push('sent'), firstByte: () => void order.push('answered') };
  await send(pair.connection, { body: new Uint8Array(200_000), hooks });
  assert.deepEqual(order, ['sent', 'answered']);
});

test('every client uploads to every server, many bodies at a time through small windows', async () => {
  const windows = { initialWindowSize: 64 * KiB, connectionWindowSize: 200_000, maxFrameSize: 16_384 };
  const handler: ServerHandler = async ({ receiveBody }) => {
    const memory = new Uint8Array(2 * MiB);
    const length = await receiveBody(() => memory);
    return { status: 200, headers: {}, body: Buffer.from(hash('sha256', memory.subarray(0, length))) };
  };
  for (const client of transportNames) {
    for (const server of transportNames) {
      const [near, far] = duplexPair();
      const serving = transports[server].server.accept(far, handler, { settings: windows });
      const connection = transports[client].client.connect(near, { settings });
      await Promise.all(
        Array.from({ length: 12 }, async (_, index) => {
          const body = randomBytes(1 + index * 90_001);
          const { status, text } = await send(connection, { body });
          assert.deepEqual([status, text], [200, hash('sha256', body)], `${client} to ${server}`);
        }),
      );
      connection.close();
      serving.close();
    }
  }
});
