import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { ServerError } from '../../../src/model/errors.ts';
import { Http1ResponseReader, type Http1Response } from '../../../src/pbs/client/http1-response.ts';

interface Read {
  readonly response: Http1Response | undefined;
  readonly rest: string;
}

/** Reads a text that arrives in pieces of the given sizes, used in turn. */
function read(text: string, sizes: readonly number[] = [1_000_000], { isEnd = false, maxBodyBytes = 1000 } = {}): Read {
  const bytes = Buffer.from(text, 'latin1');
  const reader = new Http1ResponseReader(maxBodyBytes);
  let rest = '';
  let piece = 0;
  for (let start = 0; start < bytes.length; piece += 1) {
    const end = start + (sizes[piece % sizes.length] ?? 1);
    const behind = reader.response === undefined ? reader.add(bytes.subarray(start, end)) : bytes.subarray(start, end);
    rest += behind.toString('latin1');
    start = end;
  }
  if (isEnd) reader.end();
  return { response: reader.response, rest };
}

const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

test('bodies by length, in chunks, and to the end of the connection', () => {
  for (const [text, body, rest] of [
    ['HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP', 'hello', 'HTTP'],
    ['HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nx', '', 'x'],
    [`${chunked}5\r\nhello\r\n6;name=value\r\n, you\n\r\n0\r\ntrailer: 1\r\n\r\nrest`, 'hello, you\n', 'rest'],
    [`${chunked}0\r\n\r\n`, '', ''],
    ['HTTP/1.1 101 Switching Protocols\r\ncontent-length: 5\r\n\r\nPRI *', '', 'PRI *'],
    ['HTTP/1.1 204 No Content\r\n\r\nnext', '', 'next'],
    ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nA', 'A', ''],
  ] as const) {
    const whole = read(text);
    assert.deepEqual([whole.response?.body.toString('latin1'), whole.rest], [body, rest], text);
  }
  const open = 'HTTP/1.1 200 OK\r\nserver: x\r\n\r\nuntil the end';
  assert.equal(read(open).response, undefined);
  assert.equal(read(open, [7], { isEnd: true }).response?.body.toString(), 'until the end');
  assert.equal(read('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort', [3], { isEnd: true }).response, undefined);
});

test('status and fields', () => {
  const { response } = read('HTTP/1.1 404 Not Found\r\nX-A: 1\r\nx-a:  2 \r\ncontent-length: 0\r\n\r\n');
  assert.equal(response?.status, 404);
  assert.equal(response?.headers.get('x-a'), '2');
});

test('the pieces in which a response arrives make no difference', () => {
  const body = fc.string({ unit: 'binary', maxLength: 200 }).map((text) => Buffer.from(text).toString('latin1'));
  fc.assert(
    fc.property(
      fc.array(body, { maxLength: 5 }),
      fc.boolean(),
      body,
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
      (parts, inChunks, behind, sizes) => {
        const pieces = parts.filter((part) => part !== '');
        const plain = pieces.join('');
        const text = inChunks
          ? `${chunked}${pieces.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n\r\n${behind}`
          : `HTTP/1.1 200 OK\r\ncontent-length: ${plain.length}\r\n\r\n${plain}${behind}`;
        const { response, rest } = read(text, sizes, { maxBodyBytes: 10_000 });
        assert.equal(response?.body.toString('latin1'), plain);
        assert.equal(rest, behind);
      },
    ),
  );
});

test('what is no response, or too long, is refused early', () => {
  for (const text of [
    'SSH-2.0-OpenSSH_9.2\r\n\r\n',
    'HTTP/2 200\r\n\r\n',
    'x'.repeat(20_000),
    'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 1e3\r\n\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n',
    `${chunked}xyz\r\n`,
    `${chunked}-5\r\nhello\r\n`,
    `${chunked}5\r\nhello!\r\n`,
    `${chunked}${'0'.repeat(2000)}`,
    `${chunked}${'a\r\n0123456789\r\n'.repeat(101)}`,
    `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(1001)}`,
  ]) {
    const isMalformed = { name: 'ServerError', code: 'response-malformed' };
    assert.throws(() => read(text), isMalformed, text.slice(0, 80));
    assert.throws(() => read(text, [100]), isMalformed, text.slice(0, 80));
  }
});

test('any bytes are a response, the start of one, or refused', () => {
  const parts = fc.constantFrom(
    'HTTP/1.1 200 OK',
    '\r\n',
    '\r\n\r\n',
    'content-length: 3',
    'transfer-encoding: chunked',
    '3',
    '0',
    ':',
    'abc',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(parts, { maxLength: 12 }).map((p) => p.join('')),
        fc.string({ unit: 'binary' }),
      ),
      (text) => {
        try {
          const { response, rest } = read(text, [5]);
          if (response === undefined) assert.equal(rest, '');
        } catch (error) {
          assert.ok(error instanceof ServerError, String(error));
        }
      },
    ),
    { numRuns: 500 },
  );
});
