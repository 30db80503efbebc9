// The same frames to our connections and to those of node:http2: what can be seen from outside must be the same.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { KnownError } from '../../../src/model/errors.ts';
import { HpackDecoder } from '../../../src/pbs/h2/hpack/hpack-decoder.ts';
import { transports } from '../../../src/pbs/transport/transports.ts';
import type { ClientTransport, Http2Settings, ServerTransport } from '../../../src/pbs/transport/transport.ts';
import { answer, bodyFrames, exchange, laidOut, type Answer, type Exchange } from './exchanges.ts';
import { codeOf, FramePeer, isFrame } from './frame-peer.ts';
import * as frames from './frames.ts';
import { headerBlock, requestFields, response, type Field } from './header-block.ts';
import { tcpPair } from './tcp-pair.ts';

const { data, flags, frameTypes, headers, settingIds, settings, windowUpdate } = frames;

const RUNS = 40;

const announced: Http2Settings = {
  initialWindowSize: 1 << 20,
  connectionWindowSize: 1 << 20,
  maxFrameSize: 16_384,
  maxConcurrentStreams: 100,
};

/** What one stream brought: status, fields, bytes, and how it ended. */
interface Seen {
  status: string;
  fields: readonly string[];
  bytes: number;
  ending: string;
}

/** Everything that a server answers to these exchanges, by stream. */
async function askServer(transport: ServerTransport, exchanges: readonly Exchange[], cuts: number): Promise<unknown> {
  // Real ones: Node aborts the process when its HTTP/2 is fed such frames through a stream of JavaScript.
  const { near, far } = await tcpPair();
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

/** What the requests of a client come to, bodies of known length in memory and others piece by piece. */
async function askClient(transport: ClientTransport, answers: readonly Answer[], cuts: number): Promise<unknown> {
  const prepared = transport.prepareSocket?.(() => {});
  const { near, far } = await tcpPair(prepared?.onread);
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
    const told: readonly Field[] = each.hasLength ? [['content-length', String(length)]] : [];
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
