// The memory that a request lends to a transport: written while the request is under way, and never after.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { transports } from '../../../src/pbs/transport/transports.ts';
import type { ClientConnection, ClientTransport } from '../../../src/pbs/transport/transport.ts';
import { FramePeer, isFrame } from './frame-peer.ts';
import { data, frame, frameTypes, headers, rstStream, settings } from './frames.ts';
import { response } from './header-block.ts';
import { tcpPair } from './tcp-pair.ts';

const BODY_BYTES = 400_000;
const MARK = 0x55;

interface Pair extends Disposable {
  readonly connection: ClientConnection;
  readonly peer: FramePeer;
}

/** A client that reads as it does from a real server: through `onread` where it wants that. */
async function connect(transport: ClientTransport): Promise<Pair> {
  const prepared = transport.prepareSocket?.(() => {});
  const { near, far } = await tcpPair(prepared?.onread);
  const peer = new FramePeer(far, 'server');
  const connection = (prepared ?? transport).connect(near, {
    settings: { initialWindowSize: 1 << 24, connectionWindowSize: 1 << 24, maxFrameSize: 1 << 22 },
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

interface UnderWay {
  readonly memory: Uint8Array;
  readonly abort: () => void;
  readonly outcome: Promise<unknown>;
}

/** A request whose answer has begun: one DATA frame, of which the first bytes are in its memory. */
async function begin({ connection, peer }: Pair, stream: number, firstBytes = 100_000): Promise<UnderWay> {
  const memory = new Uint8Array(BODY_BYTES);
  const controller = new AbortController();
  const outcome = connection
    .request({ path: '/', signal: controller.signal, receive: () => memory })
    .catch((error: unknown) => error);
  await peer.until(isFrame('headers', stream));
  peer.write(head(stream), wholeFrame(stream).subarray(0, 9 + firstBytes));
  while (memory[firstBytes - 1] === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  return { memory, abort: () => controller.abort(new Error('enough')), outcome };
}

const body = Buffer.alloc(BODY_BYTES, 'body of a chunk, ');
const head = (stream: number): Buffer =>
  headers(stream, response(200, ['content-length', String(BODY_BYTES)]), { endStream: false });
const wholeFrame = (stream: number): Buffer => data(stream, body, { endStream: true });

const assertUntouched = (memory: Uint8Array): void => assert.ok(memory.every((byte) => byte === MARK));

for (const { client: transport } of Object.values(transports)) {
  describe(`the memory lent to ${transport.name}`, () => {
    test('is let go of in the middle of a frame when the request is aborted', async () => {
      using pair = await connect(transport);
      const first = await begin(pair, 1);
      first.abort();
      await first.outcome;
      first.memory.fill(MARK);
      pair.peer.write(wholeFrame(1).subarray(9 + 100_000));
      const memory = new Uint8Array(BODY_BYTES);
      const { signal } = new AbortController();
      const second = pair.connection.request({ path: '/', signal, receive: () => memory });
      await pair.peer.until(isFrame('headers', 3));
      pair.peer.write(head(3), wholeFrame(3));
      assert.equal((await second).bodyBytes, BODY_BYTES);
      assert.ok(body.equals(memory));
      assertUntouched(first.memory);
    });

    test('is let go of when the connection is closed', async () => {
      using pair = await connect(transport);
      const first = await begin(pair, 1);
      pair.connection.close();
      await first.outcome;
      first.memory.fill(MARK);
      pair.peer.write(wholeFrame(1).subarray(9 + 100_000));
      await pair.peer.ended();
      assertUntouched(first.memory);
    });

    test('is let go of when the stream is reset between two frames', async () => {
      using pair = await connect(transport);
      const first = await begin(pair, 1, BODY_BYTES - 1);
      pair.peer.write(wholeFrame(1).subarray(-1));
      await first.outcome;
      first.memory.fill(MARK);
      pair.peer.write(rstStream(1, 0));
      await pair.peer.untilPong();
      assertUntouched(first.memory);
    });

    test('gets frames of any length and padding, wherever the network cuts them', async () => {
      using pair = await connect(transport);
      const { signal } = new AbortController();
      const memory = new Uint8Array(BODY_BYTES + 10).fill(MARK);
      const outcome = pair.connection.request({ path: '/', signal, receive: () => memory.subarray(5, -5) });
      await pair.peer.until(isFrame('headers', 1));
      pair.peer.write(head(1));
      const lengths = [1, 4095, 4096, 4097, 16_384, 70_000, 100_001, 5];
      let at = 0;
      const frames = [...lengths, BODY_BYTES].map((length, index) => {
        const piece = body.subarray(at, at + length);
        at += piece.length;
        return data(1, piece, index % 2 === 0 ? {} : { padding: (index * 37) % 256 });
      });
      const all = Buffer.concat([...frames, frame(frameTypes.data, { stream: 1, flags: 1 })]);
      for (let from = 0; from < all.length; from += 7919) {
        pair.peer.write(all.subarray(from, from + 7919));
        await new Promise(setImmediate);
      }
      assert.equal((await outcome).bodyBytes, BODY_BYTES);
      assert.ok(body.equals(memory.subarray(5, -5)));
      assert.deepEqual(
        [...memory.subarray(0, 5), ...memory.subarray(-5)],
        Array.from({ length: 10 }, () => MARK),
      );
    });

    test('is not written beyond its end by a frame that is longer', async () => {
      using pair = await connect(transport);
      const { signal } = new AbortController();
      const memory = new Uint8Array(BODY_BYTES + 1000).fill(MARK);
      const outcome = pair.connection
        .request({ path: '/', signal, receive: () => memory.subarray(0, BODY_BYTES) })
        .catch((error: unknown) => error);
      await pair.peer.until(isFrame('headers', 1));
      pair.peer.write(head(1), data(1, Buffer.alloc(BODY_BYTES + 1000, 1), { endStream: true }));
      assert.ok((await outcome) instanceof Error);
      await new Promise((resolve) => setTimeout(resolve, 10));
      assertUntouched(memory.subarray(BODY_BYTES));
    });
  });
}
