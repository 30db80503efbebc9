// RFC 9113 sections 3 and 4: connection preface, frame format and size, header blocks.
import * as frames from '../frames.ts';
import { headerBlock, post, request } from '../header-block.ts';
import { connectionEnds, connectionError, goesOn, responds, streamError, testConformance } from './cases.ts';
import { isAck, isFrame, type FramePeer } from '../frame-peer.ts';

const { continuation, data, frame, frameTypes, headers, priority, text } = frames;
const block = request();
const more = headerBlock(['x-dummy', 'text']);
const openPost = headers(1, post(), { endStream: false });
const unknown = frame(0x16, { payload: Buffer.alloc(8) });

testConformance('starting HTTP/2', [
  {
    h2spec: 'http2/3.5/1',
    clause: 'RFC 9113 3.4',
    name: 'a client preface is answered with SETTINGS',
    noHandshake: true,
    send: [frames.preface, frames.settings([frames.settingIds.initialWindowSize, 65_535])],
    expect: async (peer) => void (await peer.until((next) => isFrame('settings')(next) && !isAck(next))),
  },
  {
    h2spec: 'http2/3.5/2',
    clause: 'RFC 9113 3.4',
    name: 'anything but the preface ends the connection',
    noHandshake: true,
    send: [text('INVALID CONNECTION PREFACE\r\n\r\n')],
    expect: connectionEnds,
  },
]);

testConformance('frame format', [
  {
    h2spec: 'http2/4.1/1',
    clause: 'RFC 9113 4.1',
    name: 'a frame of unknown type is ignored',
    send: [unknown],
    expect: goesOn,
  },
  {
    h2spec: 'http2/4.1/2',
    clause: 'RFC 9113 4.1',
    name: 'undefined flags are ignored',
    send: [frame(frameTypes.ping, { flags: 0x16, payload: text('flagged!') })],
    expect: pongOf('flagged!'),
  },
  {
    h2spec: 'http2/4.1/3',
    clause: 'RFC 9113 4.1',
    name: 'the reserved bit is ignored',
    send: [frame(frameTypes.ping, { flags: 0x16, stream: 0x8000_0000, payload: text('reserved') })],
    expect: pongOf('reserved'),
  },
]);

testConformance('frame size', [
  {
    h2spec: 'http2/4.2/1',
    clause: 'RFC 9113 4.2',
    name: 'DATA of 16384 bytes is taken',
    send: [openPost, data(1, Buffer.alloc(16_384, 'x'), { endStream: true })],
    expect: responds(),
  },
  {
    h2spec: 'http2/4.2/2',
    clause: 'RFC 9113 4.2',
    name: 'DATA above SETTINGS_MAX_FRAME_SIZE',
    send: [openPost, data(1, Buffer.alloc(16_385, 'x'), { endStream: true })],
    expect: streamError(1, 'frameSizeError'),
  },
  {
    h2spec: 'http2/4.2/3',
    clause: 'RFC 9113 4.2',
    name: 'HEADERS above SETTINGS_MAX_FRAME_SIZE',
    send: [headers(1, Buffer.concat([block, headerBlock(['x-dummy', 'x'.repeat(20_000)])]))],
    expect: connectionError('frameSizeError'),
  },
]);

testConformance('header blocks', [
  {
    h2spec: 'http2/4.3/1',
    clause: 'RFC 9113 4.3',
    name: 'a header block that cannot be decoded',
    send: [headers(1, Buffer.of(0x40))],
    expect: connectionError('compressionError'),
  },
  {
    h2spec: 'http2/4.3/2',
    clause: 'RFC 9113 4.3',
    name: 'PRIORITY in the middle of a header block',
    send: [headers(1, block, { endStream: false, endHeaders: false }), priority(1), continuation(1, more)],
    expect: connectionError('protocolError'),
  },
  {
    h2spec: 'http2/4.3/3',
    clause: 'RFC 9113 4.3',
    name: 'HEADERS of another stream in the middle of a header block',
    send: [headers(1, block, { endStream: false, endHeaders: false }), headers(3, block), continuation(1, more)],
    expect: connectionError('protocolError'),
  },
]);

function pongOf(opaque: string): (peer: FramePeer) => Promise<void> {
  return async (peer) =>
    void (await peer.until((next) => isFrame('ping')(next) && isAck(next) && next.payload.toString() === opaque));
}
