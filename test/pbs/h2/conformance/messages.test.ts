// RFC 9113 sections 7 and 8: error codes and HTTP messages.
import * as frames from '../frames.ts';
import { headerBlock, post, request, requestFields, type Field } from '../header-block.ts';
import { connectionError, goesOn, streamError, testConformance, type ConformanceCase } from './cases.ts';
import { isAck, isFrame } from '../frame-peer.ts';

const { data, headers, rstStream, text } = frames;
const openPost = headers(1, post(), { endStream: false });

testConformance('error codes', [
  {
    h2spec: 'http2/7/1',
    clause: 'RFC 9113 7',
    name: 'GOAWAY with an unknown code: the connection goes on or ends',
    send: [frames.goaway(0, 0xff), frames.ping('after')],
    expect: async (peer) => {
      for (let frame = await peer.next(); frame !== undefined; frame = await peer.next()) {
        if (isFrame('ping')(frame) && isAck(frame)) return;
      }
    },
  },
  {
    h2spec: 'http2/7/2',
    clause: 'RFC 9113 7',
    name: 'RST_STREAM with an unknown code',
    send: [openPost, rstStream(1, 0xff)],
    expect: goesOn,
  },
]);

const without = (left: string): readonly Field[] => requestFields().filter(([name]) => name !== left);

/** Requests whose header block alone makes them malformed (RFC 9113 section 8.1.1). */
const malformed: readonly (readonly [h2spec: string, section: string, name: string, fields: readonly Field[]])[] = [
  ['8.1.2/1', '8.2.1', 'a field name in upper case', [...requestFields(), ['X-TEST', 'ok']]],
  ['8.1.2.1/1', '8.3', 'an unknown pseudo field', [...requestFields(), [':test', 'ok']]],
  ['8.1.2.1/2', '8.3', 'the pseudo field of responses', [...requestFields(), [':status', '200']]],
  ['8.1.2.1/4', '8.3', 'a pseudo field behind other fields', [['x-test', 'ok'], ...requestFields()]],
  ['8.1.2.2/1', '8.2.2', 'a field of the connection', [...requestFields(), ['connection', 'keep-alive']]],
  ['8.1.2.2/2', '8.2.2', 'TE with more than trailers', [...requestFields(), ['te', 'trailers, deflate']]],
  ['8.1.2.3/1', '8.3.1', 'an empty :path', requestFields('')],
  ['8.1.2.3/2', '8.3.1', 'no :method', without(':method')],
  ['8.1.2.3/3', '8.3.1', 'no :scheme', without(':scheme')],
  ['8.1.2.3/4', '8.3.1', 'no :path', without(':path')],
  ['8.1.2.3/5', '8.3.1', ':method twice', [...requestFields(), [':method', 'GET']]],
  ['8.1.2.3/6', '8.3.1', ':scheme twice', [...requestFields(), [':scheme', 'https']]],
  ['8.1.2.3/7', '8.3.1', ':path twice', [...requestFields(), [':path', '/']]],
];

testConformance('HTTP messages', [
  ...malformed.map(([id, section, name, fields]): ConformanceCase => ({
    h2spec: `http2/${id}`,
    clause: `RFC 9113 ${section}`,
    name,
    send: [headers(1, headerBlock(...fields))],
    expect: streamError(1, 'protocolError'),
  })),
  {
    h2spec: 'http2/8.1/1',
    clause: 'RFC 9113 8.1',
    name: 'second HEADERS without END_STREAM',
    send: [openPost, data(1, text('test')), headers(1, headerBlock(['x-test', 'ok']), { endStream: false })],
    expect: streamError(1, 'protocolError'),
  },
  {
    h2spec: 'http2/8.1.2.1/3',
    clause: 'RFC 9113 8.1',
    name: 'a pseudo field among the trailers',
    send: [openPost, data(1, text('test')), headers(1, headerBlock([':method', 'POST']))],
    expect: streamError(1, 'protocolError'),
  },
  {
    h2spec: 'http2/8.1.2.6/1',
    clause: 'RFC 9113 8.1.1',
    name: 'a body longer than its content-length',
    send: [headers(1, post(['content-length', '1']), { endStream: false }), data(1, text('test'), { endStream: true })],
    expect: streamError(1, 'protocolError'),
    nodeHttp2: 'ends the connection with INTERNAL_ERROR',
  },
  {
    h2spec: 'http2/8.1.2.6/2',
    clause: 'RFC 9113 8.1.1',
    name: 'a body of several frames longer than its content-length',
    send: [
      headers(1, post(['content-length', '1']), { endStream: false }),
      data(1, text('test')),
      data(1, text('test'), { endStream: true }),
    ],
    expect: streamError(1, 'protocolError'),
    nodeHttp2: 'ends the connection with INTERNAL_ERROR',
  },
  {
    h2spec: 'none',
    clause: 'RFC 9113 8.1.1',
    name: 'a body shorter than its content-length',
    send: [headers(1, post(['content-length', '5']), { endStream: false }), data(1, text('test'), { endStream: true })],
    expect: streamError(1, 'protocolError'),
  },
  {
    h2spec: 'http2/8.2/1',
    clause: 'RFC 9113 8.4',
    name: 'PUSH_PROMISE of a client',
    send: [frames.pushPromise(1, 3, request())],
    expect: connectionError('protocolError'),
  },
]);
