import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { OnReadOpts } from 'node:net';
import { test } from 'node:test';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

import { h2ClientTransport } from '../../../src/pbs/h2/client-transport.ts';
import { transports } from '../../../src/pbs/transport/transports.ts';
import type { ClientConnection, ServerHandler } from '../../../src/pbs/transport/transport.ts';
import { H2Listener } from './h2-listener.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;
const settings = { initialWindowSize: 2 ** 31 - 2, connectionWindowSize: 2 ** 31 - 2, maxFrameSize: 2 ** 22 };
const { signal } = new AbortController();

interface Client extends AsyncDisposable {
  readonly connection: ClientConnection;
  readonly socket: TLSSocket;
}

async function connectPrepared(port: number): Promise<Client> {
  const prepared = h2ClientTransport.prepareSocket?.(() => {});
  assert.ok(prepared !== undefined);
  const options: ConnectionOptions & { readonly onread: OnReadOpts } = {
    port,
    host: '127.0.0.1',
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
    onread: prepared.onread,
  };
  const socket = connect(options);
  await once(socket, 'secureConnect');
  const connection = prepared.connect(socket, { settings });
  return {
    connection,
    socket,
    [Symbol.asyncDispose]: async () => {
      connection.close();
      await connection.closed;
    },
  };
}

/** Answers `/5` with so many bytes of the value 5. */
const bytesOfPath: ServerHandler = async ({ path }) => ({
  status: 200,
  headers: { 'content-length': String(CHUNK_BYTES) },
  body: Buffer.alloc(CHUNK_BYTES, Number(path.slice(1))),
});

const shared = (fill: number): Uint8Array => new Uint8Array(new SharedArrayBuffer(CHUNK_BYTES)).fill(fill);

async function bytesRead(socket: TLSSocket, count: number): Promise<void> {
  while (socket.bytesRead < count) await new Promise((resolve) => setImmediate(resolve));
}

for (const [name, { server }] of Object.entries(transports)) {
  test(`bodies from ${name} that are read straight into shared memory are whole`, async () => {
    await using listener = await H2Listener.start({ transport: server, handler: bytesOfPath });
    await using client = await connectPrepared(listener.port);
    const values = [1, 2, 3, 4, 5, 6, 7, 8];
    const bodies = await Promise.all(
      values.map(async (value) => {
        const body = shared(0);
        await client.connection.request({ path: `/${value}`, signal, receive: () => body });
        return body;
      }),
    );
    for (const [index, body] of bodies.entries()) assert.ok(body.every((byte) => byte === values[index]));
  });

  test(`a body from ${name} that was given up in the middle is written to no more`, async () => {
    await using listener = await H2Listener.start({ transport: server, handler: bytesOfPath });
    await using client = await connectPrepared(listener.port);
    const { connection, socket } = client;
    for (let round = 1; round <= 5; round += 1) {
      const controller = new AbortController();
      const given = shared(0);
      const before = socket.bytesRead;
      const begun = Promise.withResolvers<void>();
      const request = connection.request({
        path: '/9',
        signal: controller.signal,
        receive: () => {
          begun.resolve();
          return given;
        },
      });
      const other = shared(0);
      const kept = connection.request({ path: '/7', signal, receive: () => other });
      await begun.promise;
      await bytesRead(socket, before + round * 100_000);
      controller.abort(new Error('enough'));
      await assert.rejects(request, /enough/u);
      // Its next owner.
      given.fill(1);
      await kept;
      assert.ok(other.every((byte) => byte === 7));
      assert.ok(
        given.every((byte) => byte === 1),
        `round ${round}: late bytes`,
      );
    }
  });
}

test('a connection that is closed in the middle of a body writes to it no more', async () => {
  await using listener = await H2Listener.start({ transport: transports.h2.server, handler: bytesOfPath });
  await using client = await connectPrepared(listener.port);
  const given = shared(0);
  const request = client.connection.request({ path: '/9', signal, receive: () => given });
  await bytesRead(client.socket, 200_000);
  client.connection.close();
  await assert.rejects(request, /closed on this side/u);
  given.fill(1);
  await client.connection.closed;
  await new Promise((resolve) => {
    setTimeout(resolve, 50);
  });
  assert.ok(given.every((byte) => byte === 1));
});
