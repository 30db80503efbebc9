// The same frames to our connections and to those of node:http2: what can be seen from outside must be the same.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, createServer, type AddressInfo, type OnReadOpts, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';

import * as fc from 'fast-check';

import { KnownError } from '../../../src/model/errors.ts';
import { HpackDecoder } from '../../../src/pbs/h2/hpack/hpack-decoder.ts';
import { transports } from '../../../src/pbs/transport/transports.ts';
import type { ClientTransport, Http2Settings, ServerTransport } from '../../../src/pbs/transport/transport.ts';
import { codeOf, FramePeer, isFrame } from './frame-peer.ts';
import * as frames from './frames.ts';
import { headerBlock, indexedLiteral, requestFields, response, tableSizeUpdate, type Field } from './header-block.ts';

const { continuation, data, flags, frame, frameTypes, headers, ping, priority, settingIds, settings, windowUpdate } =
  frames;

const RUNS = 60;

/** Real ones: Node aborts the process when its HTTP/2 is fed such frames through a stream of JavaScript. */
const relay = createServer();
before(async () => {
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
});
after(() => void relay.close());

async function socketPair(onread?: OnReadOpts): Promise<readonly [near: Socket, far: Socket]> {
  const accepted = once(relay, 'connection') as Promise<[Socket]>;
  const { port } = relay.address() as AddressInfo;
  const near = connectTcp({
    port,
    host: '127.0.0.1',
    noDelay: true,
    ...(onread === undefined ? {} : { onread }),
  });
  const [[far]] = await Promise.all([accepted, once(near, 'connect')]);
  far.setNoDelay(true);
  return [near, far];
}

const announced: Http2Settings = {
  initialWindowSize: 1 << 20,
  connectionWindowSize: 1 << 20,
  maxFrameSize: 16_384,
  maxConcurrentStreams: 100,
};

const fields: fc.Arbitrary<readonly Field[]> = fc.array(
  fc.tuple(
    fc.stringMatching(/^x-[a-z0-9]{1,12}$/u),
    fc
      .string({ unit: fc.constantFrom('a', 'Z', '0', ' ', '=', '/', '~').map(String), maxLength: 60 })
      .map((text) => text.trim()),
  ),
  { maxLength: 5 },
);

/** How a header block is put into frames. */
interface Layout {
  readonly cuts: readonly number[];
  readonly padding: number | undefined;
  readonly hasPriority: boolean;
  readonly isIndexed: boolean;
  readonly tableSize: number | undefined;
}

const layout: fc.Arbitrary<Layout> = fc.record({
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
  padding: fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
  hasPriority: fc.boolean(),
  isIndexed: fc.boolean(),
  tableSize: fc.option(fc.integer({ min: 0, max: 4096 }), { nil: undefined }),
});

/** HEADERS with the whole list, or its beginning with CONTINUATION behind. */
function laidOut(stream: number, list: readonly Field[], endStream: boolean, how: Layout): Buffer {
  const encoded = how.isIndexed ? Buffer.concat(list.map(indexedLiteral)) : headerBlock(...list);
  const block = how.tableSize === undefined ? encoded : Buffer.concat([tableSizeUpdate(how.tableSize), encoded]);
  const cuts = how.cuts.map((share) => Math.floor(share * block.length)).toSorted((a, b) => a - b);
  const pieces = [0, ...cuts].map((start, index) => block.subarray(start, cuts[index] ?? block.length));
  const [first = block, ...rest] = pieces;
  return Buffer.concat([
    headers(stream, first, {
      endStream,
      endHeaders: rest.length === 0,
      ...(how.padding === undefined ? {} : { padding: how.padding }),
      ...(how.hasPriority ? { priority: { dependsOn: 0 } } : {}),
    }),
    ...rest.map((piece, index) => continuation(stream, piece, { endHeaders: index === rest.length - 1 })),
  ]);
}

/** Frames that change nothing that could be seen. */
const idleFrame: fc.Arbitrary<Buffer> = fc.oneof(
  fc.constant(ping('idle')),
  // Lower numbers are extensions that nghttp2 knows: ALTSVC, ORIGIN, PRIORITY_UPDATE.
  fc.integer({ min: 32, max: 255 }).map((type) => frame(type, { payload: Buffer.alloc(type) })),
  fc.integer({ min: 1, max: 99 }).map((stream) => priority(stream, { dependsOn: stream + 1 })),
  fc.integer({ min: 1, max: 1000 }).map((increment) => windowUpdate(0, increment)),
  fc.integer({ min: 0, max: 70_000 }).map((size) => settings([settingIds.initialWindowSize, size])),
  fc.integer({ min: 0, max: 9000 }).map((size) => settings([settingIds.headerTableSize, size])),
  fc.integer({ min: 16_384, max: 2 ** 24 - 1 }).map((size) => settings([settingIds.maxFrameSize, size])),
);

interface Exchange {
  readonly path: string;
  readonly fields: readonly Field[];
  readonly layout: Layout;
  /** Of the body's frames; none for a GET. */
  readonly pieces: readonly { readonly bytes: number; readonly padding: number | undefined }[];
  readonly before: readonly Buffer[];
}

const pieces = fc.array(
  fc.record({
    bytes: fc.integer({ min: 0, max: 3000 }),
    padding: fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
  }),
  { maxLength: 4 },
);

const exchange: fc.Arbitrary<Exchange> = fc.record({
  path: fc.constantFrom('/small', '/empty', '/missing', '/large', '/pieces', '/failing'),
  fields,
  layout,
  pieces,
  before: fc.array(idleFrame, { maxLength: 3 }),
});

const bodyFrames = (stream: number, list: Exchange['pieces']): readonly Buffer[] =>
  list.map(({ bytes, padding }, index) =>
    data(stream, Buffer.alloc(bytes, `${stream}.${index} `), {
      endStream: index === list.length - 1,
      ...(padding === undefined ? {} : { padding }),
    }),
  );

/** What one stream brought: status, fields, bytes, and how it ended. */
interface Seen {
  status: string;
  fields: readonly string[];
  bytes: number;
  ending: string;
}

/** Everything that a server answers to these exchanges, by stream. */
async function askServer(transport: ServerTransport, exchanges: readonly Exchange[], cuts: number): Promise<unknown> {
  const [near, far] = await socketPair();
  using peer = new FramePeer(far, 'client');
  // It would come in the middle of a frame.
  peer.leaveSettingsUnanswered();
  const connection = transport.accept(
    near,
    async ({ path, headers: given, method }) => {
      if (path === '/failing') throw new Error('as planned');
      const body = path === '/large' ? Buffer.alloc(150_000) : Buffer.alloc(path === '/empty' ? 0 : 100);
      const echoed = Object.entries(given).map(([name, value]) => `${name}=${value}`);
      return await Promise.resolve({
        status: path === '/missing' ? 404 : 200,
        headers: { 'x-echo': `${method} ${echoed.toSorted().join('|')}`, date: 'today' },
        body: path === '/pieces' ? piecesOf(body) : body,
      });
    },
    { settings: announced },
  );
  const sent: Buffer[] = [Buffer.from(frames.preface), settings()];
  for (const [index, { path, fields: more, layout: how, pieces: body, before }] of exchanges.entries()) {
    const stream = 2 * index + 1;
    const list = [...requestFields(path, body.length > 0 ? 'POST' : 'GET'), ...more];
    sent.push(...before, laidOut(stream, list, body.length === 0, how), ...bodyFrames(stream, body));
  }
  sent.push(settings([settingIds.initialWindowSize, 1 << 24]), windowUpdate(0, 1 << 28));
  const all = Buffer.concat(sent);
  const pieceBytes = Math.ceil(all.length / cuts);
  for (let at = 0; at < all.length; at += pieceBytes) {
    peer.write(all.subarray(at, at + pieceBytes));
    await new Promise(setImmediate);
  }
  const decoder = new HpackDecoder({ maxListBytes: 1 << 20 });
  const seen = new Map<number, Seen>();
  let open = exchanges.length;
  while (open > 0) {
    const next = await peer.next();
    if (next === undefined || isFrame('goaway')(next)) return `GOAWAY ${next === undefined ? 'missing' : codeOf(next)}`;
    const { stream, type, payload, flags: bits } = next;
    const about = seen.get(stream) ?? { status: '', fields: [], bytes: 0, ending: '' };
    if (type === frameTypes.headers) {
      assert.ok((bits & (flags.endHeaders | flags.padded)) === flags.endHeaders);
      const list = decoder.decode(payload).fields;
      about.status = list.find(({ name }) => name === ':status')?.value ?? '';
      about.fields = list.filter(({ name }) => name.startsWith('x-')).map(({ name, value }) => `${name}: ${value}`);
    } else if (type === frameTypes.data) about.bytes += payload.length;
    else if (type === frameTypes.rstStream) about.ending = `reset ${codeOf(next)}`;
    else continue;
    if (type !== frameTypes.rstStream && (bits & flags.endStream) !== 0) about.ending = 'end';
    seen.set(stream, about);
    if (about.ending !== '' && (type === frameTypes.rstStream || (bits & flags.endStream) !== 0)) open -= 1;
  }
  connection.close();
  return Object.fromEntries([...seen].toSorted(([a], [b]) => a - b));
}

async function* piecesOf(body: Buffer): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(body.subarray(0, 10));
  yield body.subarray(10);
}

interface Answer extends Exchange {
  readonly status: number;
  readonly announces: 'right' | 'nothing' | 'more' | 'less';
  readonly ending: 'end' | 'trailers' | 'reset' | 'interim first';
}

const answer: fc.Arbitrary<Answer> = fc.record({
  path: fc.constant('/'),
  fields,
  layout,
  pieces: fc.array(
    fc.record({
      bytes: fc.integer({ min: 0, max: 3000 }),
      padding: fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  before: fc.array(idleFrame, { maxLength: 3 }),
  status: fc.constantFrom(200, 200, 400, 404, 503),
  announces: fc.constantFrom('right', 'right', 'right', 'nothing'),
  ending: fc.constantFrom('end', 'end', 'trailers', 'reset', 'interim first'),
});

/** What the requests of a client come to, bodies of known length in memory and others piece by piece. */
async function askClient(transport: ClientTransport, answers: readonly Answer[], cuts: number): Promise<unknown> {
  const prepared = transport.prepareSocket?.(() => {});
  const [near, far] = await socketPair(prepared?.onread);
  using peer = new FramePeer(far, 'server');
  const connection = (prepared ?? transport).connect(near, { settings: announced });
  peer.write(settings());
  const { signal } = new AbortController();
  const outcomes = Promise.all(
    answers.map(async () => {
      const arrived: Uint8Array[] = [];
      try {
        const {
          status,
          bodyBytes,
          contentLength,
          headers: given,
        } = await connection.request({
          path: '/',
          signal,
          receive: ({ contentLength: length }) => {
            if (length === undefined) return (piece) => arrived.push(Buffer.from(piece));
            const memory = new Uint8Array(length);
            arrived.push(memory);
            return memory;
          },
        });
        const more = Object.entries(given).filter(([name]) => name.startsWith('x-'));
        return { status, bodyBytes, contentLength, body: Buffer.concat(arrived).toString(), more };
      } catch (error) {
        return error instanceof KnownError ? error.code : String(error);
      }
    }),
  );
  for (let count = 0; count < answers.length; count += 1) await peer.until(isFrame('headers'));
  const sent: Buffer[] = [];
  for (const [index, each] of answers.entries()) {
    const stream = 2 * index + 1;
    const length = each.pieces.reduce((sum, { bytes }) => sum + bytes, 0);
    const told: readonly Field[] = each.announces === 'right' ? [['content-length', String(length)]] : [];
    if (each.ending === 'interim first') sent.push(headers(stream, response(103, ['x-a', 'b']), { endStream: false }));
    const list: readonly Field[] = [[':status', String(each.status)], ...told, ...each.fields];
    sent.push(...each.before, laidOut(stream, list, false, each.layout));
    const body = bodyFrames(stream, each.pieces);
    if (each.ending === 'reset')
      sent.push(...body.slice(0, -1), frames.rstStream(stream, frames.errorCodes.internalError));
    else if (each.ending === 'trailers') {
      sent.push(...body.slice(0, -1), data(stream, Buffer.alloc(each.pieces.at(-1)?.bytes ?? 0, 'b')));
      sent.push(headers(stream, headerBlock(['x-trailer', 'yes'])));
    } else sent.push(...body);
  }
  const all = Buffer.concat(sent);
  const pieceBytes = Math.ceil(all.length / cuts);
  for (let at = 0; at < all.length; at += pieceBytes) {
    peer.write(all.subarray(at, at + pieceBytes));
    await new Promise(setImmediate);
  }
  const result = await outcomes;
  connection.close();
  return result;
}

const reference = transports['node:http2'];
const own = transports.h2;

describe('the same frames, the same outcome', () => {
  test('at the serving end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(exchange, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 30 }),
        async (list, cuts) => {
          assert.deepEqual(await askServer(own.server, list, cuts), await askServer(reference.server, list, cuts));
        },
      ),
      { numRuns: RUNS },
    );
  });

  test('at the requesting end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(answer, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 30 }),
        async (list, cuts) => {
          assert.deepEqual(await askClient(own.client, list, cuts), await askClient(reference.client, list, cuts));
        },
      ),
      { numRuns: RUNS },
    );
  });
});
