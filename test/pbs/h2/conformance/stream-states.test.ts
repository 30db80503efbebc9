// RFC 9113 section 5: streams, their states and identifiers, priority, errors and extensions.
import * as frames from '../frames.ts';
import { headerBlock, request } from '../header-block.ts';
import { listenerSettings } from '../h2-listener.ts';
import {
  connectionEnds,
  connectionError,
  goesOn,
  responseEnds,
  streamError,
  testConformance,
  type ConformanceCase,
} from './cases.ts';

const { continuation, data, errorCodes, frame, frameTypes, headers, priority, rstStream, settings, text } = frames;
const block = request();
const more = headerBlock(['x-dummy', 'text']);
const get = headers(1, block);
const open = headers(1, block, { endStream: false });
const reset = rstStream(1, errorCodes.cancel);
const body = data(1, text('test'), { endStream: true });
const ignored = 'ignores it';

testConformance('stream states', [
  ...(
    [
      ['DATA', data(1, text('test'), { endStream: true })],
      ['RST_STREAM', reset],
      ['WINDOW_UPDATE', frames.windowUpdate(1, 100)],
      ['CONTINUATION', continuation(1, block)],
    ] as const
  ).map(([name, sent], index): ConformanceCase => ({
    h2spec: `http2/5.1/${index + 1}`,
    clause: 'RFC 9113 5.1',
    name: `idle: ${name}`,
    send: [sent],
    expect: connectionError('protocolError'),
  })),
  {
    h2spec: 'http2/5.1/5',
    clause: 'RFC 9113 5.1',
    name: 'half-closed: DATA',
    send: [get, body],
    expect: streamError(1, 'streamClosed'),
    nodeHttp2: ignored,
  },
  {
    h2spec: 'http2/5.1/6',
    clause: 'RFC 9113 5.1',
    name: 'half-closed: HEADERS',
    send: [get, get],
    expect: streamError(1, 'streamClosed'),
    nodeHttp2: ignored,
  },
  {
    h2spec: 'http2/5.1/7',
    clause: 'RFC 9113 5.1',
    name: 'half-closed: CONTINUATION',
    send: [get, continuation(1, block)],
    expect: streamError(1, 'streamClosed', 'protocolError'),
  },
  {
    h2spec: 'http2/5.1/8',
    clause: 'RFC 9113 5.1',
    name: 'closed by RST_STREAM: DATA',
    send: [open, reset, body],
    expect: streamError(1, 'streamClosed'),
    nodeHttp2: ignored,
  },
  {
    h2spec: 'http2/5.1/9',
    clause: 'RFC 9113 5.1',
    name: 'closed by RST_STREAM: HEADERS',
    send: [open, reset, get],
    expect: streamError(1, 'streamClosed'),
    nodeHttp2: ignored,
  },
  {
    h2spec: 'http2/5.1/10',
    clause: 'RFC 9113 5.1',
    name: 'closed by RST_STREAM: CONTINUATION',
    send: [open, reset, continuation(1, more)],
    expect: streamError(1, 'streamClosed', 'protocolError'),
  },
  {
    h2spec: 'http2/5.1/11',
    clause: 'RFC 9113 5.1',
    name: 'closed: DATA',
    send: afterResponse(body),
    expect: streamError(1, 'streamClosed'),
    nodeHttp2: ignored,
  },
  {
    h2spec: 'http2/5.1/12',
    clause: 'RFC 9113 5.1',
    name: 'closed: HEADERS',
    send: afterResponse(get),
    expect: connectionError('streamClosed'),
    nodeHttp2: ignored,
  },
  {
    h2spec: 'http2/5.1/13',
    clause: 'RFC 9113 5.1',
    name: 'closed: CONTINUATION',
    send: afterResponse(continuation(1, more)),
    expect: connectionError('streamClosed', 'protocolError'),
  },
]);

testConformance('stream identifiers and concurrency', [
  {
    h2spec: 'http2/5.1.1/1',
    clause: 'RFC 9113 5.1.1',
    name: 'a client stream with an even number',
    send: [headers(2, block)],
    expect: connectionError('protocolError'),
  },
  {
    h2spec: 'http2/5.1.1/2',
    clause: 'RFC 9113 5.1.1',
    name: 'a new stream with a lower number',
    send: [headers(5, block), headers(3, block)],
    expect: connectionError('protocolError'),
    nodeHttp2: ignored,
  },
  {
    h2spec: 'http2/5.1.2/1',
    clause: 'RFC 9113 5.1.2',
    name: 'more streams than SETTINGS_MAX_CONCURRENT_STREAMS',
    send: [
      settings([frames.settingIds.initialWindowSize, 0]),
      ...Array.from({ length: STREAMS() + 1 }, (_, index) => headers(2 * index + 1, block)),
    ],
    expect: streamError(2 * STREAMS() + 1, 'refusedStream', 'protocolError'),
  },
]);

testConformance('priority, errors and extensions', [
  {
    h2spec: 'http2/5.3.1/1',
    clause: 'RFC 7540 5.3.1',
    name: 'HEADERS that depend on their own stream',
    send: [headers(1, block, { priority: { dependsOn: 1 } })],
    expect: streamError(1, 'protocolError'),
  },
  {
    h2spec: 'http2/5.3.1/2',
    clause: 'RFC 7540 5.3.1',
    name: 'PRIORITY that depends on its own stream',
    send: [priority(1, { dependsOn: 1 })],
    expect: streamError(1, 'protocolError'),
    nodeHttp2: ignored,
  },
  {
    h2spec: 'http2/5.4.1/1',
    clause: 'RFC 9113 5.4.1',
    name: 'the connection ends behind a connection error',
    send: [invalidPing()],
    expect: connectionEnds,
  },
  {
    h2spec: 'http2/5.4.1/2',
    clause: 'RFC 9113 5.4.1',
    name: 'GOAWAY tells of a connection error',
    send: [invalidPing()],
    expect: connectionError('protocolError'),
  },
  {
    h2spec: 'http2/5.5/1',
    clause: 'RFC 9113 5.5',
    name: 'an unknown extension frame is ignored',
    send: [extension()],
    expect: goesOn,
  },
  {
    h2spec: 'http2/5.5/2',
    clause: 'RFC 9113 5.5',
    name: 'an unknown extension frame in the middle of a header block',
    send: [headers(1, block, { endHeaders: false }), extension()],
    expect: connectionError('protocolError'),
  },
]);

function STREAMS(): number {
  return listenerSettings.maxConcurrentStreams ?? 0;
}

function invalidPing(): Buffer {
  return frame(frameTypes.ping, { stream: 3, payload: Buffer.alloc(8) });
}

function extension(): Buffer {
  return frame(0x16, { payload: Buffer.alloc(8) });
}

function afterResponse(sent: Uint8Array): ConformanceCase['send'] {
  return async (peer) => {
    peer.write(get);
    await responseEnds(peer);
    peer.write(sent);
  };
}
