// RFC 9113 section 6, DATA to SETTINGS.
import * as frames from '../frames.ts';
import { headerBlock, post, request } from '../header-block.ts';
import {
  connectionError,
  goesOn,
  sendsData,
  settingsAcknowledged,
  streamError,
  testConformance,
  type ConformanceCase,
} from './cases.ts';

const { continuation, data, errorCodes, flags, frame, frameTypes, headers, priority, rstStream, settings, text } =
  frames;
const { enablePush, initialWindowSize, maxFrameSize } = frames.settingIds;
const block = request();
const more = headerBlock(['x-dummy', 'text']);
const get = headers(1, block);
const unfinished = headers(1, block, { endStream: false, endHeaders: false });
const ignored = 'ignores it';

testConformance('DATA', [
  {
    h2spec: 'http2/6.1/1',
    clause: 'RFC 9113 6.1',
    name: 'on stream 0',
    send: [data(0, text('test'), { endStream: true })],
    expect: connectionError('protocolError'),
  },
  {
    h2spec: 'http2/6.1/2',
    clause: 'RFC 9113 6.1',
    name: 'on a stream that is not open',
    send: [headers(1, post()), data(1, text('test'), { endStream: true })],
    expect: streamError(1, 'streamClosed'),
    nodeHttp2: ignored,
  },
  {
    h2spec: 'http2/6.1/3',
    clause: 'RFC 9113 6.1',
    name: 'with more padding than payload',
    send: [
      headers(1, post(['content-length', '4']), { endStream: false }),
      frame(frameTypes.data, { stream: 1, flags: flags.endStream | flags.padded, payload: text('\x06Test') }),
    ],
    expect: connectionError('protocolError'),
  },
]);

testConformance('HEADERS', [
  {
    h2spec: 'http2/6.2/1',
    clause: 'RFC 9113 6.2',
    name: 'without END_HEADERS, and then PRIORITY',
    send: [unfinished, priority(1), continuation(1, more)],
    expect: connectionError('protocolError'),
  },
  {
    h2spec: 'http2/6.2/2',
    clause: 'RFC 9113 6.2',
    name: 'without END_HEADERS, and then HEADERS of another stream',
    send: [unfinished, headers(3, block), continuation(1, more)],
    expect: connectionError('protocolError'),
  },
  {
    h2spec: 'http2/6.2/3',
    clause: 'RFC 9113 6.2',
    name: 'on stream 0',
    send: [headers(0, block)],
    expect: connectionError('protocolError'),
  },
  {
    h2spec: 'http2/6.2/4',
    clause: 'RFC 9113 6.2',
    name: 'with more padding than payload',
    send: [
      frame(frameTypes.headers, {
        stream: 1,
        flags: flags.endStream | flags.endHeaders | flags.padded,
        payload: Buffer.concat([Buffer.of(block.length + 2), block]),
      }),
    ],
    expect: streamError(1, 'protocolError'),
  },
]);

testConformance('PRIORITY and RST_STREAM', [
  {
    h2spec: 'http2/6.3/1',
    clause: 'RFC 9113 6.3',
    name: 'PRIORITY on stream 0',
    send: [priority(0)],
    expect: connectionError('protocolError'),
    nodeHttp2: ignored,
  },
  {
    h2spec: 'http2/6.3/2',
    clause: 'RFC 9113 6.3',
    name: 'PRIORITY of other than 5 bytes',
    send: [get, frame(frameTypes.priority, { stream: 1, payload: Buffer.of(0x80, 0, 0, 1) })],
    expect: streamError(1, 'frameSizeError'),
  },
  {
    h2spec: 'http2/6.4/1',
    clause: 'RFC 9113 6.4',
    name: 'RST_STREAM on stream 0',
    send: [rstStream(0, errorCodes.cancel)],
    expect: connectionError('protocolError'),
  },
  {
    h2spec: 'http2/6.4/2',
    clause: 'RFC 9113 6.4',
    name: 'RST_STREAM on an idle stream',
    send: [rstStream(1, errorCodes.cancel)],
    expect: connectionError('protocolError'),
  },
  {
    h2spec: 'http2/6.4/3',
    clause: 'RFC 9113 6.4',
    name: 'RST_STREAM of other than 4 bytes',
    send: [get, frame(frameTypes.rstStream, { stream: 1, payload: Buffer.alloc(3) })],
    expect: connectionError('frameSizeError'),
  },
]);

testConformance('SETTINGS', [
  {
    h2spec: 'http2/6.5/1',
    clause: 'RFC 9113 6.5',
    name: 'with ACK and a payload',
    send: [frame(frameTypes.settings, { flags: flags.ack, payload: Buffer.alloc(1) })],
    expect: connectionError('frameSizeError'),
  },
  {
    h2spec: 'http2/6.5/2',
    clause: 'RFC 9113 6.5',
    name: 'on a stream',
    send: [frame(frameTypes.settings, { stream: 1, payload: Buffer.of(0, 3, 0, 0, 0, 100) })],
    expect: connectionError('protocolError'),
  },
  {
    h2spec: 'http2/6.5/3',
    clause: 'RFC 9113 6.5',
    name: 'with a length that is no multiple of 6',
    send: [frame(frameTypes.settings, { payload: Buffer.of(0, 3, 0) })],
    expect: connectionError('frameSizeError'),
  },
  ...(
    [
      ['SETTINGS_ENABLE_PUSH of 2', enablePush, 2, 'protocolError'],
      ['SETTINGS_INITIAL_WINDOW_SIZE above 2^31-1', initialWindowSize, 2 ** 31, 'flowControlError'],
      ['SETTINGS_MAX_FRAME_SIZE below 16384', maxFrameSize, 16_383, 'protocolError'],
      ['SETTINGS_MAX_FRAME_SIZE above 2^24-1', maxFrameSize, 2 ** 24, 'protocolError'],
    ] as const
  ).map(([name, id, value, code], index): ConformanceCase => ({
    h2spec: `http2/6.5.2/${index + 1}`,
    clause: 'RFC 9113 6.5.2',
    name,
    send: [settings([id, value])],
    expect: connectionError(code),
  })),
  {
    h2spec: 'http2/6.5.2/5',
    clause: 'RFC 9113 6.5.2',
    name: 'an unknown setting is ignored',
    send: [settings([0xff, 1])],
    expect: goesOn,
  },
  {
    h2spec: 'http2/6.5.3/1',
    clause: 'RFC 9113 6.5.3',
    name: 'of two values for one setting the last counts',
    send: async (peer) => {
      peer.write(settings([initialWindowSize, 100], [initialWindowSize, 1]));
      await settingsAcknowledged(peer);
      peer.write(get);
    },
    expect: sendsData(1),
  },
  {
    h2spec: 'http2/6.5.3/2',
    clause: 'RFC 9113 6.5.3',
    name: 'are acknowledged',
    send: [settings([enablePush, 0])],
    expect: settingsAcknowledged,
  },
]);
