// Decodes the header blocks of a server (RFC 7541), as far as responses need it: names and values in printable ASCII.
import assert from 'node:assert/strict';

import type { Field } from '../log-entries.ts';

/** RFC 7541 appendix A. */
const staticTable: readonly Field[] = `:authority;:method GET;:method POST;:path /;:path /index.html;:scheme http;
:scheme https;:status 200;:status 204;:status 206;:status 304;:status 400;:status 404;:status 500;accept-charset;
accept-encoding gzip, deflate;accept-language;accept-ranges;accept;access-control-allow-origin;age;allow;authorization;
cache-control;content-disposition;content-encoding;content-language;content-length;content-location;content-range;
content-type;cookie;date;etag;expect;expires;from;host;if-match;if-modified-since;if-none-match;if-range;
if-unmodified-since;last-modified;link;location;max-forwards;proxy-authenticate;proxy-authorization;range;referer;refresh;
retry-after;server;set-cookie;strict-transport-security;transfer-encoding;user-agent;vary;via;www-authenticate`
  .replaceAll('\n', '')
  .split(';')
  .map((text) => {
    const [name = '', ...value] = text.split(' ');
    return [name, value.join(' ')];
  });

/** Bits of the Huffman codes of the octets 32 to 126 (RFC 7541 appendix B). */
const printableBits = [
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6,
  5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
];

/** The one octet beyond them whose code is as short, with 13 bits. */
const NUL_BITS = 13;
const LONGEST = 15;

/** Octet by its code as text of zeros and ones; codes of one length follow one another in the order of octets. */
const huffmanCodes: ReadonlyMap<string, number> = (() => {
  const lengths = new Map([[0, NUL_BITS], ...printableBits.map((bits, index) => [index + 32, bits] as const)]);
  const octets = [...lengths.keys()]
    .filter((octet) => (lengths.get(octet) ?? 0) <= LONGEST)
    .toSorted((a, b) => (lengths.get(a) ?? 0) - (lengths.get(b) ?? 0) || a - b);
  const codes = new Map<string, number>();
  let code = 0;
  let before = 0;
  for (const octet of octets) {
    const bits = lengths.get(octet) ?? 0;
    code *= 2 ** (bits - before);
    codes.set(code.toString(2).padStart(bits, '0'), octet);
    code += 1;
    before = bits;
  }
  return codes;
})();

/** What an entry of a table counts beside its texts (RFC 7541 section 4.1). */
const ENTRY_BYTES = 32;
const TABLE_BYTES = 4096;

/** One direction of a connection. */
export class ResponseFields {
  #table: Field[] = [];

  decode(block: Buffer): readonly Field[] {
    const fields: Field[] = [];
    let at = 0;
    const integer = (bits: number): number => {
      const limit = 2 ** bits - 1;
      let value = (block[at++] ?? 0) & limit;
      if (value < limit) return value;
      for (let shift = 1; ; shift *= 128) {
        const octet = block[at++] ?? 0;
        value += (octet & 127) * shift;
        if (octet < 128) return value;
      }
    };
    const text = (): string => {
      const isHuffman = (block[at] ?? 0) >= 128;
      const length = integer(7);
      at += length;
      const bytes = block.subarray(at - length, at);
      return isHuffman ? decodeHuffman(bytes) : bytes.toString('latin1');
    };
    while (at < block.length) {
      const first = block[at] ?? 0;
      if (first >= 128) {
        fields.push(this.#entry(integer(7)));
      } else if (first >= 32 && first < 64) {
        integer(5);
      } else {
        const isKept = first >= 64;
        const index = integer(isKept ? 6 : 4);
        const name = index === 0 ? text() : this.#entry(index)[0];
        const field: Field = [name, text()];
        fields.push(field);
        if (isKept) this.#keep(field);
      }
    }
    return fields;
  }

  #entry(index: number): Field {
    const entry = index <= staticTable.length ? staticTable[index - 1] : this.#table[index - staticTable.length - 1];
    assert.ok(entry !== undefined, `there is no entry ${index}`);
    return entry;
  }

  #keep(field: Field): void {
    this.#table.unshift(field);
    let bytes = 0;
    this.#table = this.#table.filter(([name, value]) => {
      bytes += name.length + value.length + ENTRY_BYTES;
      return bytes <= TABLE_BYTES;
    });
  }
}

function decodeHuffman(bytes: Buffer): string {
  const octets: number[] = [];
  let code = '';
  for (const bit of [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')) {
    code += bit;
    const octet = huffmanCodes.get(code);
    if (octet === undefined) continue;
    octets.push(octet);
    code = '';
  }
  assert.match(code, /^1{0,7}$/u, 'only ones are left over');
  return Buffer.from(octets).toString('latin1');
}
