import { HeldChunk } from '../decode/held-chunk.ts';
import type { PlainChunk } from '../model/ports.ts';
import { listCoverageProblems, listGapsAndOverlaps, shortenProblems, type RecordedWrite } from './coverage.ts';
import type { ExpectedImage, IndexedImage, ProofOutcome, ProvableTarget } from './target.ts';

/**
 * Chunks whose bytes may wait for their CRC-32 although they count as written; one for each decode thread of the usual
 * strategies. Their memory is beyond what `bufferBytes` bounds.
 */
const MOST_UNPROVEN = 4;

/**
 * Throws the bytes away. The thread that holds them takes their CRC-32 first, but beside the restore and not as a part of
 * `write`: a real target takes no such time, and it would delay what is requested next. The proof is that the writes
 * covered the image exactly once with the right bytes.
 */
export class DiscardTarget implements ProvableTarget {
  /** The thread that takes a checksum is busy, not the target. */
  readonly writeBusyMs = 0;
  readonly #writes: RecordedWrite[] = [];
  readonly #handledTwice: string[] = [];
  readonly #unproven: Set<Promise<void>> = new Set();
  #proofCpuMs = 0;

  get proofCpuMs(): number {
    return this.#proofCpuMs;
  }

  async write(offset: number, chunk: PlainChunk): Promise<void> {
    const held = asHeldChunk(chunk);
    if (!held.isHeld) {
      this.#handledTwice.push(secondHandOver(offset));
      return;
    }
    const taken = this.#take(held, offset);
    this.#unproven.add(taken);
    // Whoever waits for it sees why it failed: it stays in the set.
    taken.then(
      () => this.#unproven.delete(taken),
      () => {},
    );
    while (this.#unproven.size > MOST_UNPROVEN) await Promise.race(this.#unproven);
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    this.#writes.push({ offset, length });
  }

  async finish(): Promise<void> {
    await Promise.all(this.#unproven);
  }

  /** Of an indexed image only that its bytes came to their places: their checksums have nothing to be held against. */
  async prove(expected: ExpectedImage | IndexedImage, signal?: AbortSignal): Promise<ProofOutcome> {
    signal?.throwIfAborted();
    const found =
      'matches' in expected
        ? listGapsAndOverlaps(this.#writes, expected.size)
        : listCoverageProblems(this.#writes, expected);
    const problems = shortenProblems([...this.#handledTwice, ...found]);
    return { verified: problems.length === 0, proof: { method: 'crc32-per-chunk', problems } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#unproven);
  }

  async #take(held: HeldChunk, offset: number): Promise<void> {
    const { length, crc32, cpuMs } = await held.writeTo({ kind: 'checksum' }, offset);
    this.#proofCpuMs += cpuMs;
    this.#writes.push({ offset, length, ...(crc32 === undefined ? {} : { crc32 }) });
  }
}

export function asHeldChunk(chunk: PlainChunk): HeldChunk {
  if (chunk instanceof HeldChunk) return chunk;
  throw new TypeError('the target needs chunks that were decoded by a DecoderPool');
}

/** A strategy's fault, which the proof must show; it does not end the trial. */
export function secondHandOver(offset: number): string {
  return `the chunk for offset ${offset} was handed over a second time and is not there any more`;
}
