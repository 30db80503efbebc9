import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { describe, it } from 'node:test';

import { transportNames } from '../../../src/model/transport.ts';
import { BodyTooLong } from '../../../src/pbs/transport/body-too-long.ts';
import type { ServerHandler, ServerRequest, ServerResponse } from '../../../src/pbs/transport/transport.ts';
import { transports } from '../../../src/pbs/transport/transports.ts';
import { H2Listener } from '../h2/h2-listener.ts';

const settings = {
  initialWindowSize: 32 * 1024 * 1024,
  connectionWindowSize: 32 * 1024 * 1024,
  maxFrameSize: 4 * 1024 * 1024,
  maxConcurrentStreams: 200,
};

const text = (body: string, status = 200): ServerResponse => ({ status, headers: {}, body: Buffer.from(body) });

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  return { status: Number(headers[':status']), body: (await stream.toArray()).join('') };
}

async function post(session: ClientHttp2Session, path: string, body: Uint8Array): Promise<Answer> {
  const stream = session.request({ ':method': 'POST', ':path': path });
  stream.end(body);
  return await answerOf(stream);
}

/** Begins again every 251 bytes, which no record, frame or page does. */
const bytesOf = (length: number): Buffer =>
  Buffer.alloc(length, Buffer.from(Array.from({ length: 251 }, (_, index) => index)));

for (const name of transportNames) {
  describe(`the body of a request to a server by ${name}`, () => {
    async function withServer(
      handler: ServerHandler,
      use: (session: ClientHttp2Session, listener: H2Listener) => Promise<void>,
    ): Promise<void> {
      await using listener = await H2Listener.start({ transport: transports[name].server, handler, settings });
      const session = connectHttp2(`https://127.0.0.1:${listener.port}`, { rejectUnauthorized: false });
      session.on('error', () => {});
      try {
        await once(session, 'remoteSettings');
        await use(session, listener);
      } finally {
        session.destroy();
      }
    }

    it('goes whole into memory of its length, or piece by piece to a function', async () => {
      await withServer(
        async ({ path, receiveBody }) => {
          if (path === '/memory') {
            const memory = Buffer.alloc(5_000_001);
            const length = await receiveBody(() => memory);
            return text(`${length} ${String(memory.subarray(0, length).equals(bytesOf(length)))}`);
          }
          const pieces: Buffer[] = [];
          const length = await receiveBody(() => (piece) => pieces.push(Buffer.from(piece)));
          return text(`${length} ${String(Buffer.concat(pieces).equals(bytesOf(length)))}`);
        },
        async (session) => {
          for (const path of ['/memory', '/pieces']) {
            for (const length of [0, 1, 16_384, 5_000_001])
              assert.deepEqual(await post(session, path, bytesOf(length)), { status: 200, body: `${length} true` });
          }
        },
      );
    });

    it('is discarded where nobody takes it', async () => {
      await withServer(
        async () => await Promise.resolve(text('not read')),
        async (session) => {
          for (let round = 0; round < 12; round += 1) {
            const { body } = await post(session, '/', Buffer.alloc(4_000_000));
            assert.equal(body, 'not read');
          }
        },
      );
    });

    it('is refused as soon as it is longer than its memory, and the request can be answered', async () => {
      await withServer(
        async ({ receiveBody }) => {
          const memory = Buffer.alloc(100, 'x');
          const error = await receiveBody(() => memory.subarray(0, 50)).catch((reason: unknown) => reason);
          assert.ok(memory.subarray(50).equals(Buffer.alloc(50, 'x')));
          return text(error instanceof BodyTooLong ? `at most ${error.maxBytes}` : 'received', 400);
        },
        async (session) => {
          assert.deepEqual(await post(session, '/', Buffer.alloc(51)), { status: 400, body: 'at most 50' });
          assert.deepEqual(await post(session, '/', Buffer.alloc(5_000_000)), { status: 400, body: 'at most 50' });
          assert.deepEqual(await post(session, '/', Buffer.alloc(50)), { status: 400, body: 'received' });
        },
      );
    });

    it('rejects with what is thrown where it should go to', async () => {
      await withServer(
        async ({ path, receiveBody }) => {
          const refuse = (): never => {
            throw new Error('no memory');
          };
          const destination = {
            '/at-once': refuse,
            '/later': async () => await Promise.reject(new Error('none left')),
          };
          const error = await receiveBody(destination[path as '/later'] ?? (() => refuse)).catch((reason) => reason);
          return text((error as Error).message);
        },
        async (session) => {
          const body = Buffer.alloc(1_000_000);
          assert.equal((await post(session, '/at-once', body)).body, 'no memory');
          assert.equal((await post(session, '/later', body)).body, 'none left');
          assert.equal((await post(session, '/piece', body)).body, 'no memory');
        },
      );
    });

    it('waits for memory that is promised, and nothing of it is lost', async () => {
      const { promise: isFree, resolve: free } = Promise.withResolvers<void>();
      await withServer(
        async ({ path, receiveBody }) => {
          const memory = Buffer.alloc(2_000_000);
          const length = await receiveBody(async () => {
            if (path === '/waits') await isFree;
            return memory;
          });
          return text(`${length} ${String(memory.equals(bytesOf(2_000_000)))}`);
        },
        async (session) => {
          const waiting = post(session, '/waits', bytesOf(2_000_000));
          setTimeout(free, 50);
          const others = [1, 2, 3].map(async () => await post(session, '/', bytesOf(2_000_000)));
          for (const answered of await Promise.all([waiting, ...others])) assert.equal(answered.body, '2000000 true');
        },
      );
    });

    it('rejects when the client resets the stream or goes away in the middle, and is not written to after that', async () => {
      for (const how of ['reset', 'gone'] as const) {
        const { promise: rejected, resolve } = Promise.withResolvers<unknown>();
        const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
        await withServer(
          async ({ path, receiveBody, signal }: ServerRequest) => {
            if (path !== '/') return text('fine');
            await receiveBody(() => {
              begin();
              return Buffer.alloc(1000);
            }).catch(resolve);
            assert.ok(signal.aborted);
            return text('nobody reads this');
          },
          async (session) => {
            const stream = session.request({ ':method': 'POST', ':path': '/' });
            stream.on('error', () => {});
            stream.write('half of it');
            await begun;
            // `close` would end the body in order first.
            if (how === 'reset') stream.destroy(new Error('enough'));
            else session.destroy();
            assert.ok((await rejected) instanceof Error);
            if (how === 'reset') assert.equal((await post(session, '/again', Buffer.alloc(10))).body, 'fine');
          },
        );
      }
    });

    it('can be taken only once', async () => {
      await withServer(
        async ({ receiveBody }) => {
          const first = receiveBody(() => Buffer.alloc(10));
          const second = await receiveBody(() => Buffer.alloc(10)).catch(() => 'refused');
          return text(`${String(await first)} ${String(second)}`);
        },
        async (session) => {
          assert.equal((await post(session, '/', Buffer.alloc(10))).body, '10 refused');
        },
      );
    });
  });
}
