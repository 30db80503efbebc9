import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

import { slotAt, slotLength, slotStart } from '../model/image.ts';
import type { ProofRecord } from '../model/records.ts';
import { shortenProblems } from './coverage.ts';
import type { ExpectedImage, IndexedImage, ProofOutcome } from './target.ts';

/**
 * Holds the bytes of an image that come in order against what they must be, without keeping more of them than a chunk: by
 * the SHA-256 of the whole where it is known, else by the CRC-32 of each chunk, or by its digest.
 */
export class ImageProof {
  readonly #expected: ExpectedImage | IndexedImage;
  /** Of the slot that is coming, where its digest must be computed of all of it. */
  readonly #slotBytes: Uint8Array;
  readonly #hash: Hash = createHash('sha256');
  readonly #problems: string[] = [];
  #bytes = 0;
  #slotChecksum = 0;

  constructor(expected: ExpectedImage | IndexedImage) {
    this.#expected = expected;
    this.#slotBytes = new Uint8Array('matches' in expected ? expected.chunkSize : 0);
  }

  /** Bytes so far. */
  get bytes(): number {
    return this.#bytes;
  }

  push(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    if (this.#sha256 === undefined) this.#pushSlots(bytes);
    else this.#bytes += bytes.length;
  }

  /** To be called once, after the last byte. */
  outcome(method: 'sha256-of-file' | 'sha256-of-stdout'): ProofOutcome {
    const { size } = this.#expected;
    const expected = this.#sha256;
    const problems: string[] = [];
    if (this.#bytes !== size) problems.push(`the output has ${this.#bytes} bytes, the image ${size}`);
    const sha256 = this.#hash.digest('hex');
    if (expected !== undefined && sha256 !== expected)
      problems.push(`the SHA-256 of the output is ${sha256}, that of the image ${expected}`);
    problems.push(...this.#problems);
    return {
      verified: problems.length === 0,
      proof: { method: expected === undefined ? this.#slotMethod : method, problems: shortenProblems(problems) },
      sha256,
    };
  }

  get #sha256(): string | undefined {
    return 'matches' in this.#expected ? undefined : this.#expected.sha256;
  }

  get #slotMethod(): ProofRecord['method'] {
    return 'matches' in this.#expected ? 'sha256-per-chunk' : 'crc32-per-chunk';
  }

  #pushSlots(bytes: Uint8Array): void {
    const { size } = this.#expected;
    let start = 0;
    while (start < bytes.length) {
      if (this.#bytes >= size) {
        this.#bytes += bytes.length - start;
        return;
      }
      const slot = slotAt(this.#expected, this.#bytes);
      const first = slotStart(this.#expected, slot);
      const length = slotLength(this.#expected, slot);
      const left = first + length - this.#bytes;
      const piece = bytes.subarray(start, start + left);
      if ('matches' in this.#expected) this.#slotBytes.set(piece, length - left);
      else this.#slotChecksum = crc32(piece, this.#slotChecksum);
      this.#bytes += piece.length;
      start += piece.length;
      if (piece.length < left) continue;
      if (!this.#isRight(slot, length)) this.#problems.push(`wrong bytes at offset ${first} (${length} bytes)`);
      this.#slotChecksum = 0;
    }
  }

  /** Of a slot that is complete. */
  #isRight(slot: number, length: number): boolean {
    return 'matches' in this.#expected
      ? this.#expected.matches(slot, this.#slotBytes.subarray(0, length))
      : this.#slotChecksum === this.#expected.slotChecksums[slot];
  }
}
