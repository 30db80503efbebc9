import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { HeaderField } from '../../../../src/pbs/h2/hpack/header-field.ts';
import { HpackDecoder } from '../../../../src/pbs/h2/hpack/hpack-decoder.ts';
import { HpackEncoder } from '../../../../src/pbs/h2/hpack/hpack-encoder.ts';
import { fieldsOf, hex, tableOf } from './blocks.ts';

const encodedHex = (encoder: HpackEncoder, ...lines: readonly string[]): string =>
  Buffer.from(encoder.encode(fieldsOf(...lines))).toString('hex');

/** What a decoder has in its table after these blocks. */
function tableAfter(encoder: HpackEncoder, ...lists: readonly (readonly HeaderField[])[]): readonly HeaderField[] {
  const decoder = new HpackDecoder();
  for (const fields of lists) assert.deepEqual(decoder.decode(encoder.encode(fields)).fields.length, fields.length);
  return tableOf(decoder);
}

describe('the encoder', () => {
  it('sends secrets as never indexed, also a second time and where the static table has them', () => {
    const encoder = new HpackEncoder();
    for (const name of ['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'x-secret']) {
      for (const value of ['PBSAuthCookie=1', 'PBSAuthCookie=1', '']) {
        const isNamed = name !== 'x-secret';
        const block = encoder.encode([{ name, value, ...(isNamed ? {} : { neverIndexed: true }) }]);
        assert.equal((block[0] ?? 0) & 0xf0, 0x10, `${name}: ${value}`);
        assert.deepEqual(new HpackDecoder().decode(block).fields, [{ name, value, neverIndexed: true }]);
      }
    }
  });

  it('keeps what changes with each request out of the table', () => {
    const table = tableAfter(
      new HpackEncoder(),
      ...[1, 2, 3].map((count) =>
        fieldsOf(`:path: /chunk?digest=${count}`, `content-length: ${count}`, `date: ${count}`, 'server: same'),
      ),
    );
    assert.deepEqual(table, fieldsOf('server: same'));
  });

  it('sends what both ends know as one octet', () => {
    const encoder = new HpackEncoder();
    assert.equal(encodedHex(encoder, ':method: GET', ':path: /', ':status: 200'), '828488');
    encodedHex(encoder, 'content-type: application/octet-stream', 'server: a');
    assert.equal(encodedHex(encoder, 'content-type: application/octet-stream', 'server: a'), 'bfbe');
  });

  it('refers to names in the dynamic table', () => {
    const encoder = new HpackEncoder();
    encodedHex(encoder, 'x-name: 1');
    assert.equal(encodedHex(encoder, 'x-name: &'), '7e0126');
  });

  it('uses Huffman code only where it is shorter', () => {
    const encoder = new HpackEncoder({ maxTableBytes: 0 });
    encoder.encode([]);
    assert.equal(encodedHex(encoder, '&: aa'), '000126026161', 'two octets either way');
    assert.equal(encodedHex(encoder, '&: aaa'), '0001268218c7');
  });

  it('leaves the table alone for a field that would fill it', () => {
    const small = fieldsOf('x-small: 1');
    assert.deepEqual(tableAfter(new HpackEncoder(), small, fieldsOf(`x-large: ${'x'.repeat(2100)}`)), small);
  });

  it('refuses a character above U+00FF without a change of its table', () => {
    const encoder = new HpackEncoder();
    assert.throws(() => encoder.encode(fieldsOf('x-first: 1', 'x-second: \u{10a}')), {
      name: 'RangeError',
      message: 'the header "x-second" has a character above U+00FF',
    });
    assert.deepEqual(tableAfter(encoder, fieldsOf('x-third: 1')), fieldsOf('x-third: 1'));
  });

  it('gives fresh memory', () => {
    const encoder = new HpackEncoder();
    const first = encoder.encode(fieldsOf('date: 1'));
    const copy = Uint8Array.from(first);
    encoder.encode(fieldsOf('date: 2'));
    assert.deepEqual(Uint8Array.from(first), copy);
  });
});

describe('size updates of the encoder', () => {
  const changes = (...sizes: readonly number[]): string => {
    const encoder = new HpackEncoder();
    for (const bytes of sizes) encoder.setMaxTableBytes(bytes);
    const block = encodedHex(encoder, ':method: GET');
    assert.equal(encodedHex(encoder, ':method: GET'), '82', 'only once');
    return block;
  };

  it('are absent while nothing changed, and above its own bound', () => {
    assert.equal(changes(), '82');
    assert.equal(changes(4096, 65_536), '82');
  });

  it('tell a lower bound of the peer', () => {
    assert.equal(changes(100), '3f4582');
    assert.equal(changes(0), '2082');
  });

  it('tell the smallest and the last bound of several changes (RFC 7541 4.2)', () => {
    assert.equal(changes(0, 4096), '203fe11f82');
    assert.equal(changes(100, 0, 31, 30), '203e82');
    assert.equal(changes(100, 0), '2082');
  });

  it('tell a bound of its own, and one above the initial when the peer allows it', () => {
    assert.equal(encodedHex(new HpackEncoder({ maxTableBytes: 100 }), ':method: GET'), '3f4582');
    const encoder = new HpackEncoder({ maxTableBytes: 8192 });
    assert.equal(encodedHex(encoder, ':method: GET'), '82');
    encoder.setMaxTableBytes(65_536);
    assert.equal(encodedHex(encoder, ':method: GET'), '3fe13f82');
  });

  it('evict', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder();
    decoder.decode(encoder.encode(fieldsOf('a: 1', 'b: 1')));
    encoder.setMaxTableBytes(40);
    assert.deepEqual(decoder.decode(encoder.encode(fieldsOf('b: 1'))).fields, fieldsOf('b: 1'));
    assert.deepEqual(tableOf(decoder), fieldsOf('b: 1'));
    assert.deepEqual(encoder.encode(fieldsOf('b: 1')), hex('be'));
  });
});
