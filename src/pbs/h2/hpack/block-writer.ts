import { huffmanBytes, writeHuffman } from './huffman-encoder.ts';

/** Octets of the longest integer up to 2^32 - 1. */
export const MAX_INTEGER_BYTES = 6;

/** Writes the primitives of a header block (RFC 7541 5) one after the other. */
export class BlockWriter {
  readonly #bytes: Buffer;
  #offset = 0;

  /** `maxBytes`: bound on all that will be written. */
  constructor(maxBytes: number) {
    this.#bytes = Buffer.allocUnsafe(maxBytes);
  }

  /** An integer in the lowest `prefixBits` of its first octet, whose other bits are those of `pattern` (RFC 7541 5.1). */
  integer(value: number, prefixBits: number, pattern: number): void {
    const prefixLimit = (1 << prefixBits) - 1;
    if (value < prefixLimit) {
      this.#octet(pattern | value);
      return;
    }
    this.#octet(pattern | prefixLimit);
    let rest = value - prefixLimit;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#octet(0x80 | (rest % 0x80));
    this.#octet(rest);
  }

  /** A string literal of characters up to U+00FF, in Huffman code where that is shorter (RFC 7541 5.2). */
  string(text: string): void {
    const codedBytes = huffmanBytes(text);
    if (codedBytes < text.length) {
      this.integer(codedBytes, 7, 0x80);
      writeHuffman(text, this.#bytes, this.#offset);
      this.#offset += codedBytes;
    } else {
      this.integer(text.length, 7, 0);
      this.#offset += this.#bytes.write(text, this.#offset, 'latin1');
    }
  }

  /** What was written; the writer is not used again. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#offset);
  }

  #octet(octet: number): void {
    this.#bytes[this.#offset] = octet;
    this.#offset += 1;
  }
}
