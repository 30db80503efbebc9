import { HpackError } from './hpack-error.ts';
import { decodeHuffman } from './huffman-decoder.ts';

/** No index, length or size of a table can be more; RFC 7541 5.1 asks for a limit. */
const MAX_INTEGER = 2 ** 32 - 1;

/** What 32 bits need; more are leading zeros, sent to keep the reader busy. */
const MAX_CONTINUATION_OCTETS = 5;

/** Reads the primitives of a header block (RFC 7541 5) one after the other. */
export class BlockReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(block: Uint8Array) {
    this.#bytes = Buffer.from(block.buffer, block.byteOffset, block.length);
  }

  get isAtEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** The octet that comes next, which stays; 0 at the end. */
  peek(): number {
    return this.#bytes[this.#offset] ?? 0;
  }

  /** An integer whose first octet has `prefixBits` for it, below the bits of something else (RFC 7541 5.1). */
  integer(prefixBits: number): number {
    const prefixLimit = (1 << prefixBits) - 1;
    let value = this.#octet() & prefixLimit;
    if (value < prefixLimit) return value;
    for (let count = 0; count < MAX_CONTINUATION_OCTETS; count += 1) {
      const octet = this.#octet();
      // Not by shifting: 35 bits have room here before the limit is looked at.
      value += (octet & 0x7f) * 2 ** (7 * count);
      if (octet < 0x80) {
        if (value > MAX_INTEGER) throw new HpackError(`an integer in a header block is ${value}`);
        return value;
      }
    }
    throw new HpackError(`an integer in a header block has more than ${MAX_CONTINUATION_OCTETS} continuation octets`);
  }

  /** A string literal, one character an octet (RFC 7541 5.2). */
  string(): string {
    const isHuffman = this.peek() >= 0x80;
    const length = this.integer(7);
    const start = this.#offset;
    const end = start + length;
    if (end > this.#bytes.length) {
      throw new HpackError(
        `a string of ${length} octets begins ${this.#bytes.length - start} before the end of its block`,
      );
    }
    this.#offset = end;
    return isHuffman ? decodeHuffman(this.#bytes.subarray(start, end)) : this.#bytes.toString('latin1', start, end);
  }

  #octet(): number {
    const octet = this.#bytes[this.#offset];
    if (octet === undefined) throw new HpackError('a header block ends within a field');
    this.#offset += 1;
    return octet;
  }
}
