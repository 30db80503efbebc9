import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { createServer, connect as connectTcp, type AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';

import { nodeHttp2ServerTransport } from '../../../src/pbs/node-http2/server-transport.ts';
import type { ServerHandler, ServerRequest } from '../../../src/pbs/transport/transport.ts';

const settings = {
  initialWindowSize: 2 ** 20,
  connectionWindowSize: 2 ** 20,
  maxFrameSize: 2 ** 20,
  maxConcurrentStreams: 10,
};

/** A session over plain TCP; the transport does not ask what its socket is made of. */
async function withSession(handler: ServerHandler, use: (session: ClientHttp2Session) => Promise<void>): Promise<void> {
  const closed: Promise<void>[] = [];
  const server = createServer((socket) => {
    closed.push(nodeHttp2ServerTransport.accept(socket, handler, { settings }).closed);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connectTcp((server.address() as AddressInfo).port, '127.0.0.1');
  const session = connectHttp2('http://localhost', {
    createConnection: () => socket,
    settings: { initialWindowSize: 2 ** 24 },
  });
  session.on('error', () => {});
  session.once('connect', () => session.setLocalWindowSize(2 ** 24));
  try {
    await use(session);
  } finally {
    session.destroy();
    server.close();
    await Promise.all(closed);
  }
}

async function bodyOf(session: ClientHttp2Session, path: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of session.request({ ':path': path })) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

describe('the serving end by node:http2', () => {
  it('hands requests over with path and query apart, and sends what it is given', async () => {
    let seen: ServerRequest | undefined;
    await withSession(
      async (request) => {
        seen = request;
        return await Promise.resolve({ status: 418, headers: { date: 'today', 'x-a': 'b' }, body: Buffer.from('tea') });
      },
      async (session) => {
        const stream = session.request({ ':path': '/a?b=c?d', 'x-y': 'z' });
        const [fields] = (await once(stream, 'response')) as [Record<string, unknown>];
        assert.deepEqual(Object.fromEntries(Object.entries(fields)), { ':status': 418, date: 'today', 'x-a': 'b' });
        assert.equal((await stream.toArray()).join(''), 'tea');
        assert.deepEqual([seen?.method, seen?.path, seen?.query, seen?.headers['x-y']], ['GET', '/a', 'b=c?d', 'z']);
      },
    );
  });

  it('sends bodies of any length and kind whole', async () => {
    const bodyOfLength = (length: number): Buffer => Buffer.alloc(length, 'abcdefg');
    await withSession(
      async ({ path, query }) => {
        const bytes = bodyOfLength(Number(query));
        const body = path === '/stream' ? Readable.from([bytes.subarray(0, 1), bytes.subarray(1)]) : bytes;
        return await Promise.resolve({ status: 200, headers: {}, body });
      },
      async (session) => {
        for (const length of [0, 1, 262_144, 262_145, 3_000_000]) {
          for (const path of ['/bytes', '/stream']) {
            assert.ok((await bodyOf(session, `${path}?${length}`)).equals(bodyOfLength(length)), `${path} ${length}`);
          }
        }
      },
    );
  });

  it('lets bodies follow one another, so that the first is complete long before the last', async () => {
    const body = Buffer.alloc(1_000_000);
    await withSession(
      () => Promise.resolve({ status: 200, headers: {}, body }),
      async (session) => {
        const received = Array.from({ length: 8 }, () => 0);
        const receivedAtFirstEnd = await new Promise<number>((resolve) => {
          for (const index of received.keys()) {
            const stream = session.request({ ':path': '/' });
            stream.on('data', (piece: Buffer) => {
              received[index] = (received[index] ?? 0) + piece.length;
            });
            stream.once('end', () => resolve(received.reduce((sum, bytes) => sum + bytes, 0)));
          }
        });
        assert.ok(
          receivedAtFirstEnd <= 4 * body.length,
          `${receivedAtFirstEnd} bytes of 8 bodies at the end of the first`,
        );
      },
    );
  });

  it('ends a file stream whose client has left before the answer or in the middle of it', async () => {
    for (const leaveAt of ['before', 'middle'] as const) {
      const body = new Readable({
        read() {
          this.push(Buffer.alloc(65_536));
        },
      });
      body.on('error', () => {});
      const { promise: isAsked, resolve: asked } = Promise.withResolvers<AbortSignal>();
      await withSession(
        async ({ signal }) => {
          asked(signal);
          if (leaveAt === 'before') await once(signal, 'abort');
          return { status: 200, headers: {}, body };
        },
        async (session) => {
          const stream = session.request({ ':path': '/' });
          stream.on('error', () => {});
          const signal = await isAsked;
          if (leaveAt === 'middle') await once(stream, 'data');
          stream.close(8);
          if (!body.closed) await new Promise((resolve) => body.once('close', resolve));
          assert.ok(signal.aborted && body.destroyed);
        },
      );
    }
  });

  it('resets the stream of a handler that rejects, and goes on', async () => {
    let calls = 0;
    await withSession(
      async () => {
        calls += 1;
        if (calls === 1) throw new Error('a mistake');
        return await Promise.resolve({ status: 200, headers: {}, body: Buffer.from('fine') });
      },
      async (session) => {
        await assert.rejects(bodyOf(session, '/'), /NGHTTP2_INTERNAL_ERROR/u);
        assert.equal((await bodyOf(session, '/')).toString(), 'fine');
      },
    );
  });

  it('closes at once when asked, open streams included', async () => {
    const server = createServer((socket) => {
      const connection = nodeHttp2ServerTransport.accept(
        socket,
        async ({ signal }) => {
          connection.close();
          await once(signal, 'abort');
          return { status: 200, headers: {}, body: new Uint8Array() };
        },
        { settings },
      );
      void connection.closed.then(() => server.close());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    session.on('error', () => {});
    session.request({ ':path': '/' }).on('error', () => {});
    await once(server, 'close');
    session.destroy();
  });
});
