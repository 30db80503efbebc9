import { HeldChunk } from '../decode/held-chunk.ts';
import type { Clock, PlainChunk } from '../model/ports.ts';
import { BusyTime } from './busy-time.ts';
import { listCoverageProblems, shortenProblems, type RecordedWrite } from './coverage.ts';
import type { ExpectedImage, ProofOutcome, ProvableTarget } from './target.ts';

/**
 * Throws the bytes away after their CRC-32 was taken, inside `write`, by the thread that holds them. The proof is
 * that the writes covered the image exactly once with the right bytes.
 */
export class DiscardTarget implements ProvableTarget {
  readonly #busy: BusyTime;
  readonly #writes: RecordedWrite[] = [];
  readonly #handledTwice: string[] = [];
  #proofCpuMs = 0;

  constructor({ clock }: { readonly clock: Clock }) {
    this.#busy = new BusyTime(clock);
  }

  get proofCpuMs(): number {
    return this.#proofCpuMs;
  }

  get writeBusyMs(): number {
    return this.#busy.totalMs;
  }

  async write(offset: number, chunk: PlainChunk): Promise<void> {
    const held = asHeldChunk(chunk);
    if (!held.isHeld) {
      this.#handledTwice.push(secondHandOver(offset));
      return;
    }
    const { length, crc32, cpuMs } = await this.#busy.during(
      async () => await held.writeTo({ kind: 'checksum' }, offset),
    );
    this.#proofCpuMs += cpuMs;
    this.#writes.push({ offset, length, ...(crc32 === undefined ? {} : { crc32 }) });
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    this.#writes.push({ offset, length });
  }

  async finish(): Promise<void> {}

  async prove(expected: ExpectedImage, signal?: AbortSignal): Promise<ProofOutcome> {
    signal?.throwIfAborted();
    const problems = shortenProblems([...this.#handledTwice, ...listCoverageProblems(this.#writes, expected)]);
    return { verified: problems.length === 0, proof: { method: 'crc32-per-chunk', problems } };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

export function asHeldChunk(chunk: PlainChunk): HeldChunk {
  if (chunk instanceof HeldChunk) return chunk;
  throw new TypeError('the target needs chunks that were decoded by a DecoderPool');
}

/** A strategy's fault, which the proof must show; it does not end the trial. */
export function secondHandOver(offset: number): string {
  return `the chunk for offset ${offset} was handed over a second time and is not there any more`;
}
