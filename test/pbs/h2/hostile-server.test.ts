// Servers that break the rules, or cost a client more than an answer is worth: each is told so with the code that the RFC
// names, the request that it concerns fails with a named error, and the others go on where they can.
import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { describe, test } from 'node:test';

import { KnownError } from '../../../src/model/errors.ts';
import { transports } from '../../../src/pbs/transport/transports.ts';
import type { ClientConnection, ClientResponse, Http2Settings } from '../../../src/pbs/transport/transport.ts';
import { codeOf, FramePeer, isFrame } from './frame-peer.ts';
import * as frames from './frames.ts';
import { headerBlock, hpackInteger, indexedLiteral, response, type Field } from './header-block.ts';

const { continuation, data, errorCodes, headers, ping, pushPromise, rstStream, settingIds, settings } = frames;

const announced: Http2Settings = {
  initialWindowSize: 1 << 20,
  connectionWindowSize: 1 << 20,
  maxFrameSize: 1 << 20,
  maxHeaderListSize: 16_384,
};

interface Pair extends Disposable {
  readonly connection: ClientConnection;
  readonly peer: FramePeer;
}

/** A client, and a server in frames that has sent its SETTINGS. */
function connect({
  settings: more = {},
  greets = true,
}: { settings?: Partial<Http2Settings>; greets?: boolean } = {}): Pair {
  const [near, far] = duplexPair();
  const peer = new FramePeer(far, 'server');
  const connection = transports.h2.client.connect(near, { settings: { ...announced, ...more } });
  if (greets) peer.write(settings());
  return {
    connection,
    peer,
    [Symbol.dispose]: () => {
      connection.close();
      far.destroy();
    },
  };
}

const { signal: never } = new AbortController();

const get = async (connection: ClientConnection, bytes = 1000, signal = never): Promise<ClientResponse> =>
  await connection.request({ path: '/chunk', signal, receive: () => new Uint8Array(bytes) });

const lost = (error: unknown): boolean => {
  assert.ok(error instanceof KnownError, String(error));
  assert.equal(error.code, 'connection-lost');
  return true;
};

const head = (stream: number, length = 1000): Buffer =>
  headers(stream, response(200, ['content-length', String(length)]), { endStream: false });
const whole = (stream: number): Buffer =>
  Buffer.concat([head(stream, 5), data(stream, frames.text('whole'), { endStream: true })]);

/** What ends the connection, with the code that the server is told. The request is on stream 1. */
const connectionErrors: readonly (readonly [name: string, code: keyof typeof errorCodes, ...sent: Uint8Array[]])[] = [
  ['DATA on stream 0', 'protocolError', data(0, frames.text('x'))],
  ['DATA on a stream that nobody opened', 'protocolError', data(7, frames.text('x'))],
  ['a response on a stream that nobody opened', 'protocolError', headers(7, response(200))],
  ['a stream of the server', 'protocolError', headers(2, response(200))],
  ['RST_STREAM on a stream that nobody opened', 'protocolError', rstStream(7, 0)],
  ['WINDOW_UPDATE on a stream that nobody opened', 'protocolError', frames.windowUpdate(7, 1)],
  ['SETTINGS that allow push', 'protocolError', settings([settingIds.enablePush, 1])],
  ['SETTINGS with a window too large', 'flowControlError', settings([settingIds.initialWindowSize, 2 ** 31])],
  ['SETTINGS with frames too small', 'protocolError', settings([settingIds.maxFrameSize, 100])],
  ['SETTINGS cut in the middle', 'frameSizeError', frames.frame(4, { payload: Buffer.alloc(7) })],
  ['a frame above SETTINGS_MAX_FRAME_SIZE', 'frameSizeError', frames.frame(0, { stream: 1, length: (1 << 20) + 1 })],
  ['a block that cannot be decoded', 'compressionError', headers(1, Buffer.of(0xff, 0xff, 0xff))],
  ['an index beyond the tables', 'compressionError', headers(1, Buffer.of(0xc6))],
  ['a table larger than was allowed', 'compressionError', headers(1, hpackInteger(65_536, 5, 0x20))],
  [
    'padding longer than its frame',
    'protocolError',
    frames.frame(0, { stream: 1, flags: 8, payload: Buffer.of(9, 1) }),
  ],
  ['padded DATA without a length of its padding', 'frameSizeError', frames.frame(0, { stream: 1, flags: 8 })],
  ['padded HEADERS without a length of their padding', 'frameSizeError', frames.frame(1, { stream: 1, flags: 12 })],
  ['CONTINUATION of nothing', 'protocolError', continuation(1, response(200))],
  ['PING in the middle of a header block', 'protocolError', headers(1, response(200), { endHeaders: false }), ping()],
  ['HEADERS behind the end', 'streamClosed', whole(1), headers(1, response(200))],
  ['DATA behind the end', 'streamClosed', whole(1), data(1, frames.text('more'))],
  ['a window of the connection above 2^31-1', 'flowControlError', frames.windowUpdate(0, frames.maxWindow)],
  ['WINDOW_UPDATE by 0', 'protocolError', frames.windowUpdate(0, 0)],
  ['PUSH_PROMISE of an odd stream', 'protocolError', pushPromise(1, 9, response(200))],
  ['PUSH_PROMISE of stream 0', 'protocolError', pushPromise(1, 0, response(200))],
  ['PUSH_PROMISE of a stream that is a request', 'protocolError', pushPromise(1, 3, response(200))],
  ['PUSH_PROMISE of the same stream twice', 'protocolError', ...[2, 2].map((id) => pushPromise(1, id, response(200)))],
  ['PUSH_PROMISE on a stream that nobody opened', 'protocolError', pushPromise(7, 2, response(200))],
];

describe('servers that break the rules of the connection', () => {
  for (const [name, code, ...sent] of connectionErrors) {
    test(`${name}: ${code}`, async () => {
      using pair = connect();
      const outcomes = Promise.allSettled([get(pair.connection), get(pair.connection)]);
      await pair.peer.until(isFrame('headers', 3));
      pair.peer.write(...sent);
      assert.equal(codeOf(await pair.peer.until(isFrame('goaway'))), errorCodes[code]);
      const [first, second] = await outcomes;
      // What was whole before stays so.
      if (first.status === 'rejected') lost(first.reason);
      else assert.equal(first.value.bodyBytes, 5);
      assert.equal(second.status, 'rejected');
      lost(second.reason);
      assert.ok((await pair.connection.closed) instanceof KnownError);
    });
  }

  test('anything but SETTINGS as the first frame', async () => {
    using pair = connect({ greets: false });
    const outcome = assert.rejects(get(pair.connection), lost);
    pair.peer.write(ping('hello'));
    assert.equal(codeOf(await pair.peer.until(isFrame('goaway'))), errorCodes.protocolError);
    await outcome;
  });
});

/** What concerns stream 1 alone, with the code of RST_STREAM and that of the error. */
const streamErrors: readonly (readonly [
  name: string,
  code: keyof typeof errorCodes,
  error: string,
  ...sent: Uint8Array[],
])[] = [
  ['DATA before the response', 'protocolError', 'response-malformed', data(1, frames.text('x'))],
  ['no status', 'protocolError', 'response-malformed', headers(1, headerBlock(['x-a', 'b']))],
  ['a status twice', 'protocolError', 'response-malformed', headers(1, response(200, [':status', '200']))],
  ['a status that is none', 'protocolError', 'response-malformed', headers(1, headerBlock([':status', 'fine']))],
  ['the pseudo field of a request', 'protocolError', 'response-malformed', headers(1, response(200, [':path', '/']))],
  ['a field name in upper case', 'protocolError', 'response-malformed', headers(1, response(200, ['X-A', 'b']))],
  [
    'a field of the connection',
    'protocolError',
    'response-malformed',
    headers(1, response(200, ['connection', 'close'])),
  ],
  ['a line end in a value', 'protocolError', 'response-malformed', headers(1, response(200, ['x-a', 'b\r\nx-c: d']))],
  [
    'a length that is none',
    'protocolError',
    'response-malformed',
    headers(1, response(200, ['content-length', '1e3'])),
  ],
  ['an interim response as the last', 'protocolError', 'response-malformed', headers(1, response(103))],
  ['a second head', 'protocolError', 'response-', head(1), headers(1, response(200), { endStream: false })],
  ['a body that is too long', 'protocolError', 'response-truncated', head(1), data(1, Buffer.alloc(1001))],
  [
    'a body that is too short',
    'protocolError',
    'response-truncated',
    head(1),
    data(1, Buffer.alloc(999), { endStream: true }),
  ],
  [
    'a stream that depends on itself',
    'protocolError',
    'response-',
    headers(1, response(200), { priority: { dependsOn: 1 } }),
  ],
  ['a window that grows too large', 'flowControlError', 'response-', frames.windowUpdate(1, frames.maxWindow)],
  ['a header list that is too long', 'enhanceYourCalm', 'response-malformed', headers(1, response(200, longField()))],
];

function longField(): Field {
  return ['x-long', 'x'.repeat(20_000)];
}

describe('servers that break the rules of a stream', () => {
  for (const [name, code, error, ...sent] of streamErrors) {
    test(`${name}: ${code}, and the other stream goes on`, async () => {
      using pair = connect();
      const outcomes = Promise.allSettled([get(pair.connection), get(pair.connection)]);
      await pair.peer.until(isFrame('headers', 3));
      pair.peer.write(...sent, whole(3));
      assert.equal(codeOf(await pair.peer.until(isFrame('rstStream', 1))), errorCodes[code]);
      const [first, second] = await outcomes;
      assert.ok(first.status === 'rejected' && first.reason instanceof KnownError);
      assert.match(first.reason.code, new RegExp(`^${error}`, 'u'), first.reason.message);
      assert.equal(second.status === 'fulfilled' && second.value.bodyBytes, 5);
    });
  }

  test('DATA beyond the window of its stream', async () => {
    using pair = connect({ settings: { initialWindowSize: 1000, updateThreshold: 1 } });
    // The window that was announced counts once it is acknowledged.
    await pair.peer.until(isFrame('settings'));
    await pair.peer.untilPong();
    const outcome = get(pair.connection, 5000);
    await pair.peer.until(isFrame('headers', 1));
    pair.peer.write(head(1, 5000), data(1, Buffer.alloc(1001)));
    assert.equal(codeOf(await pair.peer.until(isFrame('rstStream', 1))), errorCodes.flowControlError);
    await assert.rejects(outcome, KnownError);
  });

  test('DATA beyond the window of the connection', async () => {
    using pair = connect({ settings: { connectionWindowSize: 65_535, updateThreshold: 1 } });
    const outcome = get(pair.connection, 100_000);
    await pair.peer.until(isFrame('headers', 1));
    pair.peer.write(head(1, 100_000), data(1, Buffer.alloc(65_536)));
    assert.equal(codeOf(await pair.peer.until(isFrame('goaway'))), errorCodes.flowControlError);
    await assert.rejects(outcome, lost);
  });

  test('what still comes for a stream that was given up is given back to the window of the connection', async () => {
    using pair = connect({ settings: { connectionWindowSize: 65_535 } });
    const { peer, connection } = pair;
    for (let round = 0; round < 8; round += 1) {
      const stream = 2 * round + 1;
      const controller = new AbortController();
      const outcome = get(connection, 20_000, controller.signal);
      await peer.until(isFrame('headers', stream));
      peer.write(head(stream, 20_000));
      controller.abort(new Error('enough'));
      await assert.rejects(outcome, /enough/u);
      peer.write(data(stream, Buffer.alloc(20_000), { endStream: true }));
      await peer.untilPong();
    }
    const given = peer.received
      .filter(isFrame('windowUpdate', 0))
      .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);
    assert.ok(given >= 160_000 - 65_535 / 2, `${given} bytes given back`);
    assert.ok(connection.localWindow.unacknowledgedBytes <= 65_535 / 2);
  });
});

const interim = headers(1, response(103), { endStream: false });

/** Frames in floods; the request is on stream 1. */
const floods: readonly (readonly [name: string, make: (index: number) => Uint8Array, ...before: Uint8Array[]])[] = [
  ['PING', () => ping('flood')],
  ['SETTINGS', () => settings()],
  ['PRIORITY', () => frames.priority(1)],
  ['empty DATA', () => data(1, new Uint8Array(0)), head(1)],
  ['interim responses', () => interim],
  ['PUSH_PROMISE', (index) => pushPromise(1, 2 * index + 2, response(200))],
  [
    'CONTINUATION',
    () => continuation(1, headerBlock(['x', 'y']), { endHeaders: false }),
    headers(1, response(200), { endHeaders: false, endStream: false }),
  ],
  [
    'CONTINUATION of 16 KiB',
    () => continuation(1, Buffer.alloc(16_384), { endHeaders: false }),
    headers(1, response(200), { endHeaders: false, endStream: false }),
  ],
];

describe('floods of a server', () => {
  for (const [name, make, ...before] of floods) {
    test(`${name}: ENHANCE_YOUR_CALM`, async () => {
      using pair = connect();
      const outcome = assert.rejects(get(pair.connection), lost);
      await pair.peer.until(isFrame('headers', 1));
      pair.peer.write(...before);
      for (let sent = 0; sent < 100 && !pair.peer.received.some(isFrame('goaway')); sent += 1) {
        pair.peer.write(...Array.from({ length: 100 }, (_, index) => make(sent * 100 + index)));
        await new Promise(setImmediate);
      }
      assert.equal(codeOf(await pair.peer.until(isFrame('goaway'))), errorCodes.enhanceYourCalm);
      await outcome;
    });
  }

  test('DATA whose windows are given back, but not read: ENHANCE_YOUR_CALM', async () => {
    // Each byte brings two WINDOW_UPDATEs.
    using pair = connect({ settings: { updateThreshold: 1e-9 } });
    const outcome = get(pair.connection, 1 << 20).catch((error: unknown) => error);
    await pair.peer.until(isFrame('headers', 1));
    pair.peer.socket.pause();
    pair.peer.write(head(1, 1 << 20));
    const piece = Buffer.concat(Array.from({ length: 100 }, () => data(1, frames.text('x'))));
    for (let sent = 0; sent < 200; sent += 1) {
      pair.peer.write(piece);
      await new Promise(setImmediate);
    }
    const error = await Promise.race([outcome, new Promise((resolve) => setTimeout(resolve, 1000))]);
    lost(error);
    assert.match(String(error), /ENHANCE_YOUR_CALM/u);
  });

  test('a block that the decoder would blow up costs its stream only', async () => {
    using pair = connect();
    const outcomes = Promise.allSettled([get(pair.connection), get(pair.connection)]);
    await pair.peer.until(isFrame('headers', 3));
    const bomb = Buffer.concat([
      indexedLiteral([':status', '200']),
      indexedLiteral(['x-bomb', 'b'.repeat(3500)]),
      Buffer.alloc(50_000, hpackInteger(62, 7, 0x80)),
    ]);
    pair.peer.write(headers(1, bomb), whole(3));
    const [first, second] = await outcomes;
    assert.equal(first.status, 'rejected');
    assert.equal(second.status, 'fulfilled');
  });

  test('fields with names of what every object has are fields like others', async () => {
    using pair = connect();
    const outcome = get(pair.connection);
    await pair.peer.until(isFrame('headers', 1));
    pair.peer.write(headers(1, response(200, ['constructor', 'a'], ['__proto__', 'b'], ['x', 'c'], ['x', 'd'])));
    const { headers: given } = await outcome;
    assert.equal(given['constructor'], 'a');
    assert.equal(given['x'], 'c, d');
    assert.equal(Object.getPrototypeOf(given), Object.prototype);
  });

  test('a body in frames of one byte comes whole', async () => {
    using pair = connect();
    const bytes = new Uint8Array(1000);
    const outcome = pair.connection.request({ path: '/', signal: never, receive: () => bytes });
    await pair.peer.until(isFrame('headers', 1));
    pair.peer.write(head(1), ...Array.from({ length: 1000 }, (_, at) => data(1, Buffer.of(at & 0xff))));
    pair.peer.write(data(1, new Uint8Array(0), { endStream: true }));
    assert.equal((await outcome).bodyBytes, 1000);
    assert.ok(bytes.every((byte, at) => byte === (at & 0xff)));
  });
});
