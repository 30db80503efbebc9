// Clients that cost a server more than they pay for: each is told so with the code that the RFC names, and none makes it
// hold more memory than a well-behaved one can.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { transports } from '../../../src/pbs/transport/transports.ts';
import type { ServerHandler } from '../../../src/pbs/transport/transport.ts';
import { codeOf, describeFrame, FramePeer, isFrame } from './frame-peer.ts';
import * as frames from './frames.ts';
import { H2Listener, listenerSettings } from './h2-listener.ts';
import { headerBlock, hpackInteger, indexedLiteral, post, request, requestFields } from './header-block.ts';

const { continuation, data, errorCodes, frame, frameTypes, headers, ping, priority, rstStream, settingIds, settings } =
  frames;

const BODY_BYTES = 4 * 1024 * 1024;
const bigBody = Buffer.alloc(BODY_BYTES, 'b');
/** More than the buffers of both sockets take, and still one frame. */
const hugeBody = Buffer.alloc(15 * 1024 * 1024, 'h');
const MAX_STREAMS = listenerSettings.maxConcurrentStreams ?? 0;

let listener: H2Listener | undefined;
/** Requests whose handlers have not returned. */
let pending = 0;
let mostPending = 0;
/** Lets the body of `/two-parts` end. */
const secondPart = Promise.withResolvers<void>();

async function* twoParts(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('fine');
  await secondPart.promise;
}

const handler: ServerHandler = async ({ path, signal }) => {
  if (path === '/huge') return { status: 200, headers: {}, body: hugeBody };
  if (path === '/big') return { status: 200, headers: {}, body: bigBody };
  if (path === '/two-parts') return { status: 200, headers: {}, body: twoParts() };
  if (path === '/empty') return { status: 204, headers: {}, body: new Uint8Array(0) };
  if (path === '/pending') {
    pending += 1;
    mostPending = Math.max(mostPending, pending);
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve, { once: true });
    });
    // Work that goes on for a while although nobody waits, as a read from a disk does.
    await new Promise((resolve) => setTimeout(resolve, 50));
    pending -= 1;
  }
  return await Promise.resolve({ status: 200, headers: {}, body: Buffer.from('fine') });
};

before(async () => {
  listener = await H2Listener.start({ transport: transports.h2.server, handler });
});
after(async () => await listener?.[Symbol.asyncDispose]());

const open = async (): Promise<FramePeer> => await (await FramePeer.open(listener!.port)).shakeHands();

/** The code of the GOAWAY with which the server ends the connection. */
async function goawayOf(peer: FramePeer): Promise<number> {
  const goaway = await peer.until(isFrame('goaway'));
  await peer.ended();
  return codeOf(goaway);
}

/** A well-behaved client is served as ever. */
async function assertServes(): Promise<void> {
  using peer = await open();
  peer.write(headers(1, request()));
  await peer.until(isFrame('data', 1));
}

const repeat = (count: number, piece: Uint8Array): Buffer => Buffer.concat(Array.from({ length: count }, () => piece));

/** So many frames are a flood by any measure; the server must have had enough before. */
const FLOOD_FRAMES = 200_000;
const BATCH_FRAMES = 1000;

/** Makes the frames of a flood, of the given number on. */
type Flood = (from: number, count: number) => Buffer;

const same =
  (piece: Uint8Array): Flood =>
  (_, count) =>
    repeat(count, piece);

/** Each number stands for a stream of its own. */
const perStream =
  (make: (stream: number) => readonly Uint8Array[]): Flood =>
  (from, count) =>
    Buffer.concat(Array.from({ length: count }, (_, index) => make(2 * (from + index) + 1)).flat());

const openPost = headers(1, post(), { endStream: false });
const block = request('/pending');

const floods: readonly (readonly [name: string, before: readonly Uint8Array[], flood: Flood])[] = [
  ['PING', [], same(ping('flood'))],
  ['SETTINGS', [], same(settings())],
  ['SETTINGS that change the table size', [], same(settings([settingIds.headerTableSize, 0]))],
  ['PRIORITY', [], same(priority(1))],
  ['empty DATA', [openPost], same(data(1, new Uint8Array(0)))],
  ['DATA of nothing but padding', [openPost], same(data(1, new Uint8Array(0), { padding: 3 }))],
  [
    'CONTINUATION',
    [headers(1, request(), { endHeaders: false })],
    same(continuation(1, headerBlock(['x', 'y']), { endHeaders: false })),
  ],
  [
    'empty CONTINUATION',
    [headers(1, request(), { endHeaders: false })],
    same(continuation(1, new Uint8Array(0), { endHeaders: false })),
  ],
  // CVE-2023-44487.
  ['streams that are reset at once', [], perStream((id) => [headers(id, block), rstStream(id, errorCodes.cancel)])],
  // The same by way of the server, which resets them itself (CVE-2025-8671).
  ['streams that are broken at once', [], perStream((id) => [headers(id, block), frames.windowUpdate(id, 0)])],
  ['streams that are malformed', [], perStream((id) => [headers(id, headerBlock([':method', 'GET']))])],
  [
    'streams above the limit',
    Array.from({ length: MAX_STREAMS }, (_, index) => headers(2 * index + 1, block)),
    perStream((id) => [headers(2 * MAX_STREAMS + id, block)]),
  ],
];

describe('floods', () => {
  for (const [name, first, flood] of floods) {
    test(`${name}: ENHANCE_YOUR_CALM, and soon`, async () => {
      mostPending = pending;
      using peer = await open();
      peer.write(...first);
      let sent = 0;
      while (sent < FLOOD_FRAMES && (await peer.pour(flood(sent, BATCH_FRAMES)))) sent += BATCH_FRAMES;
      assert.ok(sent < FLOOD_FRAMES, 'the server took it all');
      assert.equal(await goawayOf(peer), errorCodes.enhanceYourCalm);
      assert.ok(mostPending < 5000, `${mostPending} requests were under way`);
      await assertServes();
    });
  }

  test('what a busy client sends is no flood', async () => {
    using peer = await open();
    peer.write(repeat(500, ping('busy')), repeat(100, settings()));
    peer.write(perStream((id) => [headers(id, block), rstStream(id, errorCodes.cancel)])(0, 200));
    const seen = await peer.untilPong();
    assert.deepEqual(seen.filter(isFrame('goaway')).map(describeFrame), []);
    assert.equal(seen.filter(isFrame('ping')).length, 500);
  });
});

/** Memory outside and inside the heap, after what can go has gone. */
const heldBytes = (): number => {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** More than a connection may hold, less than what an unbounded queue would have taken. */
const MAX_HELD_BYTES = 48 * 1024 * 1024;

describe('clients that do not read', () => {
  /** Pours until the server has enough of it or reads no more. */
  async function pourUnread(peer: FramePeer, flood: Flood): Promise<void> {
    peer.socket.pause();
    const isOver = listener!.connections.at(-1)!.closed.then(() => false);
    for (let sent = 0; sent < FLOOD_FRAMES; sent += BATCH_FRAMES) {
      const poured = peer.pour(flood(sent, BATCH_FRAMES));
      const isStuck = new Promise<false>((resolve) => setTimeout(resolve, 1000, false));
      if (!(await Promise.race([isOver, poured, isStuck]))) return;
    }
    assert.fail('the server took it all');
  }

  const unread: readonly (readonly [name: string, flood: Flood])[] = [
    ['PING', same(ping('unread'))],
    ['requests with empty answers', perStream((id) => [headers(id, request('/empty'))])],
    ['requests for large bodies', perStream((id) => [headers(id, request('/big'))])],
  ];
  for (const [name, flood] of unread) {
    test(`${name}: the server's memory stays bounded, and the connection ends`, async () => {
      const startBytes = heldBytes();
      using peer = await open();
      await pourUnread(peer, flood);
      assert.ok(heldBytes() - startBytes < MAX_HELD_BYTES, `${heldBytes() - startBytes} bytes are held`);
      await listener!.connections.at(-1)!.closed;
      // Its socket does not wait for ever for somebody to read the last frames.
      while (listener!.openSockets > 0) await new Promise((resolve) => setTimeout(resolve, 10));
      await assertServes();
    });
  }

  test('a connection can be closed in the middle of a body that is not read', async () => {
    using peer = await open();
    peer.socket.pause();
    peer.write(frames.windowUpdate(0, 2 ** 30));
    for (let id = 1; id < 40; id += 2) peer.write(headers(id, request('/big')), frames.windowUpdate(id, BODY_BYTES));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const connection = listener!.connections.at(-1)!;
    connection.close();
    await connection.closed;
    while (listener!.openSockets > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  });
});

describe('header lists', () => {
  /** Longer than the listener announces, in a block shorter than its limit. */
  const long = 'x'.repeat(12_000);

  test('one above SETTINGS_MAX_HEADER_LIST_SIZE is answered with 431, and the connection goes on', async () => {
    using peer = await open();
    const whole = request('/', ['x-a', long], ['x-b', long]);
    peer.write(headers(1, whole.subarray(0, 16_000), { endHeaders: false }), continuation(1, whole.subarray(16_000)));
    const { payload } = await peer.until(isFrame('headers', 1));
    assert.ok(payload.includes('431') || payload.includes(Buffer.from('680d7f', 'hex')), payload.toString('hex'));
    assert.deepEqual((await peer.untilPong()).filter(isFrame('goaway')), []);
    peer.write(headers(3, request()));
    await peer.until(isFrame('headers', 3));
  });

  test('a block that the decoder would blow up is cut, and what follows is decoded as ever', async () => {
    using peer = await open();
    const startBytes = heldBytes();
    // One entry of the table, and 15000 references to it: 60 MB of fields from 16 KB.
    const bomb = Buffer.concat([
      ...requestFields().map(indexedLiteral),
      indexedLiteral(['x-bomb', 'b'.repeat(3500)]),
      repeat(10_000, hpackInteger(62, 7, 0x80)),
    ]);
    for (let id = 1; id < 40; id += 2) peer.write(headers(id, bomb));
    peer.write(headers(41, request()));
    await peer.until(isFrame('headers', 41));
    assert.ok(heldBytes() - startBytes < MAX_HELD_BYTES);
  });

  test('a block without end is not collected', async () => {
    using peer = await open();
    peer.write(headers(1, request(), { endHeaders: false }));
    const piece = continuation(1, Buffer.alloc(16_000, 'x'), { endHeaders: false });
    for (let count = 0; count < 100 && (await peer.pour(piece)); count += 1);
    assert.equal(await goawayOf(peer), errorCodes.enhanceYourCalm);
  });
});

describe('windows', () => {
  test('DATA beyond the window of the connection', async () => {
    const small = await H2Listener.start({
      transport: transports.h2.server,
      handler,
      settings: { ...listenerSettings, initialWindowSize: 65_535, connectionWindowSize: 65_535, updateThreshold: 1 },
    });
    await using _ = small;
    using peer = await (await FramePeer.open(small.port)).shakeHands();
    peer.write(...[1, 3, 5, 7].map((id) => headers(id, post(), { endStream: false })));
    peer.write(...[1, 3, 5, 7].map((id) => data(id, Buffer.alloc(16_384))));
    assert.equal(await goawayOf(peer), errorCodes.flowControlError);
  });

  test('DATA beyond the window of its stream ends only this one', async () => {
    const small = await H2Listener.start({
      transport: transports.h2.server,
      handler,
      settings: { ...listenerSettings, initialWindowSize: 1000, updateThreshold: 1 },
    });
    await using _ = small;
    using peer = await (await FramePeer.open(small.port)).shakeHands();
    peer.write(openPost, data(1, Buffer.alloc(1001)), headers(3, request()));
    assert.equal(codeOf(await peer.until(isFrame('rstStream', 1))), errorCodes.flowControlError);
    await peer.until(isFrame('headers', 3));
  });

  test('a window that stays at zero holds up its own stream only', async () => {
    using peer = await (await FramePeer.open(listener!.port)).shakeHands([settingIds.initialWindowSize, 0]);
    peer.write(headers(1, request('/big')), headers(3, request('/big')), frames.windowUpdate(3, 100));
    const { payload } = await peer.until(isFrame('data', 3));
    assert.equal(payload.length, 100);
    const seen = await peer.untilPong();
    assert.deepEqual(seen.filter(isFrame('data')).map(describeFrame), []);
  });

  test('windows of one byte bring one byte at a time, and all of them', async () => {
    using peer = await (await FramePeer.open(listener!.port)).shakeHands([settingIds.initialWindowSize, 1]);
    peer.write(headers(1, request()));
    let body = '';
    while (body.length < 4) {
      const { payload } = await peer.until(isFrame('data', 1));
      assert.ok(payload.length <= 1);
      body += payload.toString();
      peer.write(frames.windowUpdate(1, 1));
    }
    assert.equal(body, 'fine');
  });

  test('a window below zero does not keep a stream from ending', async () => {
    using peer = await open();
    peer.write(headers(1, request('/two-parts')));
    await peer.until(isFrame('data', 1));
    peer.write(settings([settingIds.initialWindowSize, 0]));
    await peer.untilPong();
    secondPart.resolve();
    const end = await peer.until(isFrame('data', 1));
    assert.deepEqual([end.payload.length, end.flags & frames.flags.endStream], [0, frames.flags.endStream]);
    await peer.untilPong();
  });
});

describe('frames that are too long', () => {
  const types = Object.entries(frameTypes).filter(([name]) => name !== 'continuation' && name !== 'settings');
  for (const [name, type] of types) {
    test(`${name} of 16 MiB is refused by its header`, async () => {
      using peer = await open();
      peer.write(openPost, frame(type, { stream: 1, length: 2 ** 24 - 1 }));
      assert.equal(await goawayOf(peer), errorCodes.frameSizeError);
    });
  }
});

test('a shutdown lets streams end that were open, whatever becomes of later ones', async () => {
  using peer = await open();
  peer.write(headers(1, request('/big')));
  await peer.until(isFrame('data', 1));
  const connection = listener!.connections.at(-1)!;
  const ended = connection.shutdown();
  const { payload } = await peer.until(isFrame('ping'));
  assert.equal(peer.received.filter(isFrame('goaway')).length, 1);
  peer.write(ping(payload.toString('latin1'), { ack: true }));
  await peer.until(isFrame('goaway'));
  // Was on its way when the second GOAWAY came, and is given up by the client then.
  peer.write(headers(3, post(), { endStream: false }), data(3, Buffer.alloc(10)), rstStream(3, errorCodes.cancel));
  peer.write(frames.windowUpdate(0, BODY_BYTES), frames.windowUpdate(1, BODY_BYTES));
  await ended;
  await peer.ended();
  const received = peer.received
    .filter(isFrame('data', 1))
    .reduce((bytes, { payload: { length } }) => bytes + length, 0);
  assert.equal(received, BODY_BYTES);
});

test('the last body of a connection that ends in order comes whole, however late it is read', async () => {
  using peer = await (
    await FramePeer.open(listener!.port)
  ).shakeHands([settingIds.initialWindowSize, 2 ** 24], [settingIds.maxFrameSize, 2 ** 24 - 1]);
  const connection = listener!.connections.at(-1)!;
  let isClosed = false;
  const closed = connection.closed.then(() => (isClosed = true));
  let bytes = 0;
  peer.write(frames.windowUpdate(0, 2 ** 24), headers(1, request('/huge')));
  await peer.until(isFrame('headers', 1));
  // Counted, and not taken apart: a peer joins what belongs to one frame.
  peer.socket.pause().removeAllListeners('data');
  peer.write(frames.goaway(0, 0));
  // Longer than a connection that ends for a fault may take for its last frames.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.equal(isClosed, false);
  peer.socket.on('data', (piece: Buffer) => (bytes += piece.length)).resume();
  await peer.ended();
  assert.ok(bytes > hugeBody.length - 65_536, `${bytes} bytes`);
  peer.socket.end();
  await closed;
});
