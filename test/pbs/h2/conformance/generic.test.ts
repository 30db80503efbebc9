// What any HTTP/2 server must accept: the generic cases of h2spec.
import assert from 'node:assert/strict';

import { isAck, isFrame, type FramePeer } from '../frame-peer.ts';
import * as frames from '../frames.ts';
import {
  hpackInteger,
  hpackString,
  post,
  request,
  requestFields,
  headerBlock,
  indexedLiteral,
  tableSizeUpdate,
} from '../header-block.ts';
import {
  connectionEnds,
  goesOn,
  responds,
  responseEnds,
  sendsData,
  settingsAcknowledged,
  testConformance,
  type ConformanceCase,
} from './cases.ts';

const { data, headers, priority, rstStream, settings, settingIds, text } = frames;
const get = headers(1, request());
const block = request();

/** No DATA may be sent, so the stream stays half-closed. */
const noWindow = settings([settingIds.initialWindowSize, 0]);

testConformance('generic: starting and streams', [
  {
    h2spec: 'generic/1/1',
    clause: 'RFC 9113 3.4',
    name: 'a client preface is answered with SETTINGS first of all',
    noHandshake: true,
    send: [frames.preface, settings([settingIds.initialWindowSize, 65_535])],
    expect: firstIsSettings,
  },
  {
    h2spec: 'generic/2/1',
    clause: 'RFC 9113 5.1',
    name: 'PRIORITY on an idle stream',
    send: [priority(1)],
    expect: goesOn,
  },
  {
    h2spec: 'generic/2/2',
    clause: 'RFC 9113 5.1',
    name: 'WINDOW_UPDATE on a half-closed stream',
    send: [noWindow, get, frames.windowUpdate(1, 1)],
    expect: sendsData(1),
  },
  {
    h2spec: 'generic/2/3',
    clause: 'RFC 9113 5.1',
    name: 'PRIORITY on a half-closed stream',
    send: [noWindow, get, priority(1), frames.windowUpdate(1, 1)],
    expect: sendsData(1),
  },
  {
    h2spec: 'generic/2/4',
    clause: 'RFC 9113 5.1',
    name: 'RST_STREAM on a half-closed stream',
    send: [get, rstStream(1, frames.errorCodes.cancel)],
    expect: goesOn,
  },
  {
    h2spec: 'generic/2/5',
    clause: 'RFC 9113 5.1',
    name: 'PRIORITY on a closed stream',
    send: async (peer) => {
      peer.write(get);
      await responseEnds(peer);
      peer.write(priority(1));
    },
    expect: goesOn,
  },
]);

testConformance('generic: frames', [
  {
    h2spec: 'generic/3.1/1',
    clause: 'RFC 9113 6.1',
    name: 'a body of one DATA frame',
    send: [headers(1, post(), { endStream: false }), data(1, text('test'), { endStream: true })],
    expect: responds(),
  },
  {
    h2spec: 'generic/3.1/2',
    clause: 'RFC 9113 6.1',
    name: 'a body of several DATA frames',
    send: [headers(1, post(), { endStream: false }), data(1, text('test')), data(1, text('test'), { endStream: true })],
    expect: responds(),
  },
  {
    h2spec: 'generic/3.1/3',
    clause: 'RFC 9113 6.1',
    name: 'a DATA frame with padding',
    send: [headers(1, post(), { endStream: false }), data(1, text('test'), { endStream: true, padding: 5 })],
    expect: responds(),
  },
  { h2spec: 'generic/3.2/1', clause: 'RFC 9113 6.2', name: 'a HEADERS frame', send: [get], expect: responds() },
  {
    h2spec: 'generic/3.2/2',
    clause: 'RFC 9113 6.2',
    name: 'a HEADERS frame with padding',
    send: [headers(1, block, { padding: 8 })],
    expect: responds(),
  },
  {
    h2spec: 'generic/3.2/3',
    clause: 'RFC 9113 6.2',
    name: 'a HEADERS frame with priority',
    send: [headers(1, block, { priority: {} })],
    expect: responds(),
  },
  ...priorities(),
  {
    h2spec: 'generic/3.4/1',
    clause: 'RFC 9113 6.4',
    name: 'RST_STREAM on an open stream',
    send: [headers(1, block, { endStream: false }), rstStream(1, frames.errorCodes.cancel)],
    expect: goesOn,
  },
  {
    h2spec: 'generic/3.5/1',
    clause: 'RFC 9113 6.5',
    name: 'SETTINGS with every defined setting',
    send: [
      settings(
        [settingIds.headerTableSize, 4096],
        [settingIds.enablePush, 1],
        [settingIds.maxConcurrentStreams, 100],
        [settingIds.initialWindowSize, 65_535],
        [settingIds.maxFrameSize, 16_384],
        [settingIds.maxHeaderListSize, 100],
      ),
    ],
    expect: settingsAcknowledged,
  },
  { h2spec: 'generic/3.7/1', clause: 'RFC 9113 6.7', name: 'PING is answered', send: [], expect: goesOn },
  {
    h2spec: 'generic/3.8/1',
    clause: 'RFC 9113 6.8',
    name: 'GOAWAY of the client: the connection goes on or ends',
    send: [frames.goaway(0, frames.errorCodes.noError, 'bye'), frames.ping('after')],
    expect: pongOrEnd,
  },
  {
    h2spec: 'generic/3.9/1',
    clause: 'RFC 9113 6.9',
    name: 'WINDOW_UPDATE of the connection',
    send: [frames.windowUpdate(0, 1), get],
    expect: responds(),
  },
  {
    h2spec: 'generic/3.9/2',
    clause: 'RFC 9113 6.9',
    name: 'WINDOW_UPDATE of a stream',
    send: [noWindow, get, frames.windowUpdate(1, 1)],
    expect: sendsData(1),
  },
  {
    h2spec: 'generic/3.10/1',
    clause: 'RFC 9113 6.10',
    name: 'a header block in two frames',
    send: [headers(1, block.subarray(0, 5), { endHeaders: false }), frames.continuation(1, block.subarray(5))],
    expect: responds(),
  },
  {
    h2spec: 'generic/3.10/2',
    clause: 'RFC 9113 6.10',
    name: 'a header block in three frames',
    send: [
      headers(1, block.subarray(0, 5), { endHeaders: false }),
      frames.continuation(1, block.subarray(5, 10), { endHeaders: false }),
      frames.continuation(1, block.subarray(10)),
    ],
    expect: responds(),
  },
]);

const messages: readonly (readonly [name: string, ...frames: Uint8Array[]])[] = [
  ['GET', get],
  ['HEAD', headers(1, headerBlock(...requestFields('/', 'HEAD')))],
  ['POST', headers(1, post(), { endStream: false }), data(1, text('test'), { endStream: true })],
  [
    'POST with trailers',
    headers(1, post(['trailer', 'x-test']), { endStream: false }),
    data(1, text('test')),
    headers(1, headerBlock(['x-test', 'ok'])),
  ],
];
testConformance(
  'generic: HTTP messages',
  messages.map(([name, ...send], index) => ({
    h2spec: `generic/4/${index + 1}`,
    clause: 'RFC 9113 8.1',
    name,
    send,
    expect: responds(),
  })),
);

/** `user-agent` is index 58 of the static table (RFC 7541 appendix A); Huffman codes by hand from its appendix B. */
const USER_AGENT = 58;
const huffmanTest = Buffer.of(0x83, 0x49, 0x50, 0x9f);
const huffmanXTest = Buffer.of(0x85, 0xf2, 0xb2, 0x4a, 0x84, 0xff);
const plainTest = hpackString('test');
const plainXTest = hpackString('x-test');
const literals = [
  ['6.2.1', 'with incremental indexing', 6, 0x40],
  ['6.2.2', 'without indexing', 4, 0x00],
  ['6.2.3', 'never indexed', 4, 0x10],
] as const;
const representations: readonly (readonly [section: string, name: string, ...bytes: Uint8Array[]])[] = [
  ['6.1', 'an indexed field', Buffer.of(0x80 | 16)],
  ...literals.flatMap(
    ([section, kind, bits, pattern]) =>
      [
        [section, `a literal ${kind}, indexed name`, hpackInteger(USER_AGENT, bits, pattern), plainTest],
        [section, `a literal ${kind}, indexed name, Huffman`, hpackInteger(USER_AGENT, bits, pattern), huffmanTest],
        [section, `a literal ${kind}, new name`, Buffer.of(pattern), plainXTest, plainTest],
        [section, `a literal ${kind}, new name, Huffman`, Buffer.of(pattern), huffmanXTest, huffmanTest],
      ] as const,
  ),
];
testConformance('generic: HPACK', [
  ...representations.map(([section, name, ...bytes], index): ConformanceCase => ({
    h2spec: `generic/5/${index + 1}`,
    clause: `RFC 7541 ${section}`,
    name,
    send: [headers(1, Buffer.concat([block, ...bytes]))],
    expect: responds(),
  })),
  {
    h2spec: 'generic/5/14',
    clause: 'RFC 7541 6.3',
    name: 'a dynamic table size update',
    send: [headers(1, Buffer.concat([tableSizeUpdate(1), block]))],
    expect: responds(),
  },
  {
    h2spec: 'generic/5/15',
    clause: 'RFC 7541 6.3',
    name: 'several dynamic table size updates',
    send: [headers(1, Buffer.concat([tableSizeUpdate(128), tableSizeUpdate(4096), indexedRequest()]))],
    expect: responds(),
  },
]);

/** The fields of a request, each entering the table. */
function indexedRequest(): Buffer {
  return Buffer.concat(requestFields().map(indexedLiteral));
}

function priorities(): readonly ConformanceCase[] {
  const rows: readonly (readonly [name: string, frame: Uint8Array])[] = [
    ['of weight 1', priority(1, { weight: 0 })],
    ['of weight 256', priority(1, { weight: 255 })],
    ['that depends on another stream', priority(3, { dependsOn: 1, weight: 0 })],
    ['that is exclusive', priority(1, { isExclusive: true, weight: 0 })],
    ['of an idle stream above the one that opens next', priority(3)],
  ];
  return rows.map(([name, frame], index) => ({
    h2spec: `generic/3.3/${index + 1}`,
    clause: 'RFC 9113 6.3',
    name: `PRIORITY ${name}`,
    send: [frame, get],
    expect: responds(),
  }));
}

async function firstIsSettings(peer: FramePeer): Promise<void> {
  const first = await peer.next();
  assert.ok(first !== undefined && isFrame('settings', 0)(first) && !isAck(first));
}

async function pongOrEnd(peer: FramePeer): Promise<void> {
  for (let frame = await peer.next(); frame !== undefined; frame = await peer.next()) {
    if (isFrame('ping')(frame) && isAck(frame)) return;
  }
  await connectionEnds(peer);
}
