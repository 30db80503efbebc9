// RFC 9113 section 6, PING to CONTINUATION, with the flow-control windows.
import assert from 'node:assert/strict';

import { isAck, isFrame } from '../frame-peer.ts';
import * as frames from '../frames.ts';
import { headerBlock, post, request } from '../header-block.ts';
import {
  connectionError,
  goesOn,
  onlyStreamError,
  responds,
  sendsData,
  settingsAcknowledged,
  streamError,
  testConformance,
  type ConformanceCase,
} from './cases.ts';

const { continuation, data, flags, frame, frameTypes, headers, maxWindow, ping, settings, text, windowUpdate } = frames;
const { initialWindowSize } = frames.settingIds;
const block = request();
const more = headerBlock(['x-dummy', 'text']);
const get = headers(1, block);
const open = headers(1, block, { endStream: false });

testConformance('PING and GOAWAY', [
  { h2spec: 'http2/6.7/1', clause: 'RFC 9113 6.7', name: 'PING is answered', send: [], expect: goesOn },
  {
    h2spec: 'http2/6.7/2',
    clause: 'RFC 9113 6.7',
    name: 'PING with ACK is not answered',
    send: [ping('no', { ack: true })],
    expect: async (peer) => {
      const before = await peer.untilPong();
      assert.deepEqual(
        before.filter((next) => isFrame('ping')(next) && isAck(next)),
        [],
      );
    },
    nodeHttp2: 'ends the connection without a word',
  },
  {
    h2spec: 'http2/6.7/3',
    clause: 'RFC 9113 6.7',
    name: 'PING on a stream',
    send: [frame(frameTypes.ping, { stream: 1, payload: Buffer.alloc(8) })],
    expect: connectionError('protocolError'),
  },
  {
    h2spec: 'http2/6.7/4',
    clause: 'RFC 9113 6.7',
    name: 'PING of other than 8 bytes',
    send: [frame(frameTypes.ping, { payload: Buffer.alloc(6) })],
    expect: connectionError('frameSizeError'),
  },
  {
    h2spec: 'http2/6.8/1',
    clause: 'RFC 9113 6.8',
    name: 'GOAWAY on a stream',
    send: [frame(frameTypes.goaway, { stream: 1, payload: Buffer.alloc(8) })],
    expect: connectionError('protocolError'),
  },
]);

testConformance('WINDOW_UPDATE', [
  {
    h2spec: 'http2/6.9/1',
    clause: 'RFC 9113 6.9',
    name: 'of the connection by 0',
    send: [windowUpdate(0, 0)],
    expect: connectionError('protocolError'),
  },
  {
    h2spec: 'http2/6.9/2',
    clause: 'RFC 9113 6.9',
    name: 'of a stream by 0',
    send: [open, windowUpdate(1, 0)],
    expect: streamError(1, 'protocolError'),
  },
  {
    h2spec: 'http2/6.9/3',
    clause: 'RFC 9113 6.9',
    name: 'of other than 4 bytes',
    send: [frame(frameTypes.windowUpdate, { payload: Buffer.of(0, 0, 1) })],
    expect: connectionError('frameSizeError'),
  },
  {
    h2spec: 'http2/6.9.1/1',
    clause: 'RFC 9113 6.9.1',
    name: 'DATA is never longer than the window',
    send: async (peer) => {
      peer.write(settings([initialWindowSize, 1]));
      await settingsAcknowledged(peer);
      peer.write(get);
    },
    expect: sendsData(1),
  },
  {
    h2spec: 'http2/6.9.1/2',
    clause: 'RFC 9113 6.9.1',
    name: 'a window of the connection above 2^31-1',
    send: [windowUpdate(0, maxWindow), windowUpdate(0, maxWindow)],
    expect: connectionError('flowControlError'),
  },
  {
    h2spec: 'http2/6.9.1/3',
    clause: 'RFC 9113 6.9.1',
    name: 'a window of a stream above 2^31-1',
    send: [open, windowUpdate(1, maxWindow), windowUpdate(1, maxWindow)],
    expect: onlyStreamError(1, 'flowControlError'),
    nodeHttp2: 'ends the connection',
  },
  {
    h2spec: 'http2/6.9.2/1',
    clause: 'RFC 9113 6.9.2',
    name: 'SETTINGS_INITIAL_WINDOW_SIZE changes the windows of open streams',
    send: async (peer) => {
      peer.write(settings([initialWindowSize, 0]));
      await settingsAcknowledged(peer);
      peer.write(get);
      peer.write(settings([initialWindowSize, 1]));
    },
    expect: sendsData(1),
  },
  {
    h2spec: 'http2/6.9.2/2',
    clause: 'RFC 9113 6.9.2',
    name: 'a window can become negative, and is remembered',
    send: async (peer) => {
      peer.write(settings([initialWindowSize, 3]));
      await settingsAcknowledged(peer);
      peer.write(get);
      await sendsData(3)(peer);
      peer.write(settings([initialWindowSize, 2]));
      await settingsAcknowledged(peer);
      peer.write(windowUpdate(1, 2));
    },
    expect: sendsData(1),
  },
  {
    h2spec: 'http2/6.9.2/3',
    clause: 'RFC 9113 6.9.2',
    name: 'SETTINGS_INITIAL_WINDOW_SIZE above 2^31-1',
    send: [settings([initialWindowSize, 2 ** 31])],
    expect: connectionError('flowControlError'),
  },
]);

const start = (endStream: boolean): Buffer => headers(1, block, { endStream, endHeaders: false });
const middle = continuation(1, more, { endHeaders: false });
const last = continuation(1, more);
const startPost = headers(1, post(), { endStream: false, endHeaders: false });

testConformance('CONTINUATION', [
  {
    h2spec: 'http2/6.10/1',
    clause: 'RFC 9113 6.10',
    name: 'several behind HEADERS',
    send: [start(true), middle, last],
    expect: responds(),
  },
  ...(
    [
      ['followed by another frame', startPost, middle, data(1, text('test'), { endStream: true })],
      ['on stream 0', start(true), continuation(0, more)],
      ['behind HEADERS with END_HEADERS', get, last],
      ['behind CONTINUATION with END_HEADERS', start(true), last, last],
      ['behind DATA', startPost, data(1, text('test'), { endStream: true }), middle, continuation(0, more)],
    ] as const
  ).map(([name, ...send], index): ConformanceCase => ({
    h2spec: `http2/6.10/${index + 2}`,
    clause: 'RFC 9113 6.10',
    name,
    send,
    expect: connectionError('protocolError'),
  })),
]);

// Told by h2spec only for SETTINGS; all frames of fixed length are alike (RFC 9113 section 4.2).
testConformance('flags that a frame does not define', [
  {
    h2spec: 'none',
    clause: 'RFC 9113 6.9',
    name: 'are ignored on WINDOW_UPDATE',
    send: [frame(frameTypes.windowUpdate, { flags: flags.padded | 0xf0, payload: frames.uint32(1) })],
    expect: goesOn,
  },
]);
