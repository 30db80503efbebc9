import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

import { slotAt, slotLength, slotStart } from '../model/image.ts';
import type { ProofRecord } from '../model/records.ts';
import { shortenProblems } from './coverage.ts';
import type { ExpectedImage, ProofOutcome } from './target.ts';

/**
 * Holds the bytes of an image that come in order against what they must be, without keeping them: by the SHA-256 of the
 * whole where it is known, else by the CRC-32 of each chunk.
 */
export class ImageProof {
  readonly #expected: ExpectedImage;
  readonly #hash: Hash = createHash('sha256');
  readonly #problems: string[] = [];
  #bytes = 0;
  #slotChecksum = 0;

  constructor(expected: ExpectedImage) {
    this.#expected = expected;
  }

  /** Bytes so far. */
  get bytes(): number {
    return this.#bytes;
  }

  push(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    if (this.#expected.sha256 === undefined) this.#pushSlots(bytes);
    else this.#bytes += bytes.length;
  }

  /** To be called once, after the last byte. */
  outcome(method: Exclude<ProofRecord['method'], 'crc32-per-chunk'>): ProofOutcome {
    const { size, sha256: expected } = this.#expected;
    const problems: string[] = [];
    if (this.#bytes !== size) problems.push(`the output has ${this.#bytes} bytes, the image ${size}`);
    const sha256 = this.#hash.digest('hex');
    if (expected !== undefined && sha256 !== expected)
      problems.push(`the SHA-256 of the output is ${sha256}, that of the image ${expected}`);
    problems.push(...this.#problems);
    return {
      verified: problems.length === 0,
      proof: { method: expected === undefined ? 'crc32-per-chunk' : method, problems: shortenProblems(problems) },
      sha256,
    };
  }

  #pushSlots(bytes: Uint8Array): void {
    const { size, slotChecksums } = this.#expected;
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
      this.#slotChecksum = crc32(piece, this.#slotChecksum);
      this.#bytes += piece.length;
      start += piece.length;
      if (piece.length < left) continue;
      if (this.#slotChecksum !== slotChecksums[slot])
        this.#problems.push(`wrong bytes at offset ${first} (${length} bytes)`);
      this.#slotChecksum = 0;
    }
  }
}
