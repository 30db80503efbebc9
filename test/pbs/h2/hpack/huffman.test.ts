import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import * as fc from 'fast-check';

import { HpackError } from '../../../../src/pbs/h2/hpack/hpack-error.ts';
import { END_OF_STRING, huffmanCodes, huffmanLengths } from '../../../../src/pbs/h2/hpack/huffman-code.ts';
import { decodeHuffman } from '../../../../src/pbs/h2/hpack/huffman-decoder.ts';
import { huffmanBytes, writeHuffman } from '../../../../src/pbs/h2/hpack/huffman-encoder.ts';

function encode(text: string): Buffer {
  const bytes = Buffer.alloc(huffmanBytes(text));
  writeHuffman(text, bytes, 0);
  return bytes;
}

/** Bit by bit, as RFC 7541 5.2 says it; undefined for what it refuses. */
function decodeSlowly(bytes: Uint8Array): string | undefined {
  const bits = [...bytes].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  let text = '';
  let code = '';
  for (const bit of bits) {
    code += bit;
    const symbol = symbolOfCode.get(code);
    if (symbol === END_OF_STRING) return undefined;
    if (symbol === undefined) continue;
    text += String.fromCharCode(symbol);
    code = '';
  }
  return /^1{0,7}$/u.test(code) ? text : undefined;
}

const symbolOfCode: ReadonlyMap<string, number> = new Map(
  [...huffmanCodes].map((code, symbol) => [code.toString(2).padStart(huffmanLengths[symbol] ?? 0, '0'), symbol]),
);

const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((octet) => String.fromCharCode(octet)) });

describe('the Huffman code', () => {
  it('is complete: no bits are without meaning', () => {
    assert.equal(
      huffmanLengths.reduce((sum, bits) => sum + 2 ** -bits, 0),
      1,
    );
    assert.equal(symbolOfCode.size, END_OF_STRING + 1);
  });

  it('has the codes of RFC 7541 appendix B', () => {
    for (const [symbol, code, bits] of [
      [0, 0x1ff8, 13],
      [1, 0x7fffd8, 23],
      [9, 0xffffea, 24],
      [10, 0x3ffffffc, 30],
      [22, 0x3ffffffe, 30],
      [48, 0x0, 5],
      [92, 0x7fff0, 19],
      [116, 0x9, 5],
      [122, 0x7b, 7],
      [127, 0xffffffc, 28],
      [128, 0xfffe6, 20],
      [199, 0x1ffffec, 25],
      [249, 0xffffffe, 28],
      [255, 0x3ffffee, 26],
      [256, 0x3fffffff, 30],
    ] as const) {
      assert.deepEqual([huffmanCodes[symbol], huffmanLengths[symbol]], [code, bits], `symbol ${symbol}`);
    }
  });

  it('gives every string back', () => {
    fc.assert(fc.property(latin1, (text) => decodeHuffman(encode(text)) === text));
    for (let octet = 0; octet < 256; octet += 1) {
      for (const count of [1, 2, 3, 8]) {
        const text = String.fromCharCode(octet).repeat(count);
        assert.equal(decodeHuffman(encode(text)), text);
      }
    }
  });

  it('is decoded as bit by bit, whatever the octets', () => {
    const octets = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      // Long codes, which octets by chance hardly hit.
      fc.array(fc.constantFrom(0xff, 0xfe, 0xfc, 0xfb, 0x7f), { maxLength: 12 }).map((list) => Uint8Array.from(list)),
    );
    fc.assert(
      fc.property(octets, (bytes) => {
        const expected = decodeSlowly(bytes);
        if (expected === undefined) assert.throws(() => decodeHuffman(bytes), HpackError);
        else assert.equal(decodeHuffman(bytes), expected);
      }),
      { numRuns: 2000 },
    );
  });
});
