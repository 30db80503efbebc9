import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { HpackDecoder } from '../../../../src/pbs/h2/hpack/hpack-decoder.ts';
import { HpackError } from '../../../../src/pbs/h2/hpack/hpack-error.ts';
import { fieldsOf, hex, tableOf } from './blocks.ts';

/** A literal with incremental indexing of a new name; counts name, value and 32. */
const indexed = (name: string, value: string): Buffer =>
  Buffer.concat([Uint8Array.of(0x40, name.length), Buffer.from(name), Uint8Array.of(value.length), Buffer.from(value)]);

const refuses = (decoder: HpackDecoder, block: string, message: RegExp): void =>
  assert.throws(
    () => decoder.decode(hex(block)),
    (error) => error instanceof HpackError && message.test(error.message),
  );

describe('a header block that breaks RFC 7541 is refused', () => {
  for (const [what, block, message] of [
    ['index 0 (6.1)', '80', /index 0/u],
    ['an index behind both tables (2.3.3)', 'be', /index 62/u],
    ['a name behind both tables', '7e 01 61', /index 62/u],
    ['an integer that does not end', 'ff ff', /ends within a field/u],
    ['an integer above 32 bits (5.1)', 'ff 81ffffff0f', /integer in a header block is 4294967296/u],
    ['an integer of zeros without end (5.1)', 'ff 80808080808000', /more than 5 continuation octets/u],
    ['a literal without a name', '40', /ends within a field/u],
    ['a literal without a value', '40 01 61', /ends within a field/u],
    ['a name longer than the block', '40 05 61', /string of 5 octets begins 1 before/u],
    ['a value longer than the block', '40 01 61 7f ffffffff07 61', /string of \d+ octets begins 1 before/u],
    ['Huffman padding of zeros (5.2)', '00 81 18 00', /padding/u],
    ['Huffman padding of eight ones (5.2)', '00 82 1fff 00', /padding/u],
    ['Huffman code with the end-of-string symbol (5.2)', '00 84 ffffffff 00', /end-of-string/u],
    ['a size update behind a field (4.2)', '82 20', /behind the first field/u],
    ['a size update above the limit (6.3)', '3f e2 1f', /to 4097 bytes, above the limit of 4096/u],
  ] as const) {
    it(what, () => refuses(new HpackDecoder(), block, message));
  }
});

describe('the decoder', () => {
  it('takes the largest integer for an index that is out of range, not for a small one', () => {
    refuses(new HpackDecoder(), 'ff 80ffffff0f', /index 4294967295/u);
  });

  it('reads Huffman padding of none to seven ones', () => {
    const decoder = new HpackDecoder();
    for (const [coded, text] of [
      ['80', ''],
      ['81 f8', '&'],
      ['81 ef', 'v'],
      ['81 8f', 'b'],
      ['81 1f', 'a'],
      ['82 1f7f', 'av'],
      ['82 1c7f', 'ab'],
      ['82 18ff', 'aa'],
      ['83 18fbff', 'aav'],
    ] as const) {
      assert.deepEqual(decoder.decode(hex(`00 ${coded} 00`)).fields, [{ name: text, value: '' }]);
    }
  });

  it('gives an octet as one character, whatever it is', () => {
    const { fields } = new HpackDecoder().decode(hex('00 01 61 04 00 0a 80 ff'));
    assert.deepEqual(fields, [{ name: 'a', value: '\0\n\u{80}\u{ff}' }]);
  });

  it('reads a view of a larger buffer, and an empty block', () => {
    const memory = new Uint8Array(hex('ffff 82 ffff'));
    const decoder = new HpackDecoder();
    assert.deepEqual(decoder.decode(memory.subarray(2, 3)).fields, fieldsOf(':method: GET'));
    assert.deepEqual(decoder.decode(memory.subarray(2, 2)), { fields: [], isTooLong: false });
  });

  it('does not see what later becomes of the memory of a block', () => {
    const block = indexed('name', 'value');
    const decoder = new HpackDecoder();
    const { fields } = decoder.decode(block);
    block.fill(0);
    assert.deepEqual(fields, fieldsOf('name: value'));
    assert.deepEqual(tableOf(decoder), fieldsOf('name: value'));
  });
});

describe('eviction', () => {
  it('keeps exactly what fits', () => {
    // Each counts 1 + 1 + 32 bytes.
    const decoder = new HpackDecoder({ maxTableBytes: 3 * 34 });
    for (const name of ['a', 'b', 'c']) decoder.decode(indexed(name, '1'));
    assert.deepEqual(tableOf(decoder), fieldsOf('c: 1', 'b: 1', 'a: 1'));
    decoder.decode(indexed('d', ''));
    assert.deepEqual(tableOf(decoder), fieldsOf('d: ', 'c: 1', 'b: 1'));
    decoder.decode(indexed('e', '1'));
    assert.deepEqual(tableOf(decoder), fieldsOf('e: 1', 'd: ', 'c: 1'));
    decoder.decode(indexed('f', '123'));
    assert.deepEqual(tableOf(decoder), fieldsOf('f: 123', 'e: 1'));
  });

  it('lets a field in that fills the table, and empties it for a larger one (4.4)', () => {
    const decoder = new HpackDecoder({ maxTableBytes: 100 });
    decoder.decode(indexed('a', '1'));
    decoder.decode(indexed('b', 'x'.repeat(67)));
    assert.deepEqual(tableOf(decoder), fieldsOf(`b: ${'x'.repeat(67)}`));
    const tooLarge = `c: ${'x'.repeat(68)}`;
    assert.deepEqual(decoder.decode(indexed('c', 'x'.repeat(68))).fields, fieldsOf(tooLarge));
    assert.deepEqual(tableOf(decoder), []);
  });

  it('keeps the name of a field that its own new value evicts (4.4)', () => {
    const decoder = new HpackDecoder({ maxTableBytes: 40 });
    decoder.decode(indexed('name', '1'));
    assert.deepEqual(decoder.decode(hex('7e 02 3233')).fields, fieldsOf('name: 23'));
    assert.deepEqual(tableOf(decoder), fieldsOf('name: 23'));
  });
});

describe('a size update', () => {
  it('evicts, and one to 0 empties the table', () => {
    const decoder = new HpackDecoder();
    for (const name of ['a', 'b', 'c']) decoder.decode(indexed(name, '1'));
    decoder.decode(hex('3f 25')); // 31 + 37 = 68: two fields
    assert.deepEqual(tableOf(decoder), fieldsOf('c: 1', 'b: 1'));
    decoder.decode(hex('20 3f e1 1f'));
    assert.deepEqual(tableOf(decoder), []);
    decoder.decode(indexed('d', '1'));
    assert.deepEqual(tableOf(decoder), fieldsOf('d: 1'));
  });

  it('may go up to a raised limit, which alone changes nothing', () => {
    const decoder = new HpackDecoder();
    decoder.setMaxTableBytes(8192);
    decoder.decode(indexed('a', 'x'.repeat(100)));
    for (let count = 0; count < 31; count += 1) decoder.decode(indexed('b', 'x'.repeat(90)));
    assert.equal(tableOf(decoder).length, 32);
    decoder.decode(indexed('b', 'x'.repeat(90)));
    assert.equal(tableOf(decoder).length, 33, 'the limit of 4096 is 133 + 32 x 123 = 4069');
    decoder.decode(indexed('b', 'x'.repeat(90)));
    assert.equal(tableOf(decoder).length, 33);
    decoder.decode(hex('3f e1 3f'));
    decoder.decode(indexed('b', 'x'.repeat(90)));
    assert.equal(tableOf(decoder).length, 34);
    refuses(decoder, '3f e2 3f', /to 8193 bytes, above the limit of 8192/u);
  });

  it('has to come first after the limit was lowered below the table (4.2)', () => {
    const lowered = (): HpackDecoder => {
      const decoder = new HpackDecoder();
      decoder.setMaxTableBytes(100);
      return decoder;
    };
    refuses(lowered(), '82', /does not begin with a size update/u);
    refuses(lowered(), '3f 46 82', /to 101 bytes, above the limit of 100/u);
    const decoder = lowered();
    assert.deepEqual(decoder.decode(hex('3f 45 82')).fields, fieldsOf(':method: GET'));
    assert.deepEqual(decoder.decode(hex('82')).fields, fieldsOf(':method: GET'));
  });

  it('has to go through the smallest limit of several changes, and may then go up (4.2)', () => {
    const changed = (): HpackDecoder => {
      const decoder = new HpackDecoder();
      decoder.setMaxTableBytes(0);
      decoder.setMaxTableBytes(200);
      return decoder;
    };
    refuses(changed(), '3f a901 82', /to 200 bytes, above the limit of 0/u);
    assert.equal(changed().decode(hex('20 3f a901 82')).fields.length, 1);
    refuses(changed(), '20 3f aa01 82', /to 201 bytes, above the limit of 200/u);
  });

  it('is not owed where the peer uses less than the lowered limit', () => {
    const decoder = new HpackDecoder();
    decoder.decode(hex('3f 45'));
    decoder.setMaxTableBytes(100);
    assert.equal(decoder.decode(hex('82')).fields.length, 1);
  });
});

describe('a header list above its bound', () => {
  it('is cut, and the table takes in all of it', () => {
    const decoder = new HpackDecoder({ maxListBytes: 68 });
    const block = Buffer.concat([indexed('a', '1'), indexed('b', '2'), indexed('c', '3')]);
    assert.deepEqual(decoder.decode(block), { fields: fieldsOf('a: 1', 'b: 2'), isTooLong: true });
    assert.deepEqual(tableOf(decoder), fieldsOf('c: 3', 'b: 2', 'a: 1'));
    assert.deepEqual(decoder.decode(hex('be bf')), { fields: fieldsOf('c: 3', 'b: 2'), isTooLong: false });
  });

  it('stays cut, also for a field that would still fit', () => {
    const decoder = new HpackDecoder({ maxListBytes: 100 });
    const block = Buffer.concat([indexed('a', '1'), indexed('b', 'x'.repeat(60)), indexed('c', '3')]);
    assert.deepEqual(decoder.decode(block), { fields: fieldsOf('a: 1'), isTooLong: true });
  });

  it('does not grow with references to one large field', () => {
    const decoder = new HpackDecoder();
    decoder.decode(indexed('a', 'x'.repeat(99)));
    const { fields, isTooLong } = decoder.decode(Buffer.alloc(1_000_000, 0xbe));
    assert.ok(isTooLong);
    assert.equal(fields.length, Math.floor((64 * 1024) / 132));
  });
});
