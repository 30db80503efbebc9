import { slotAt, slotStart, type Image, type Slot, type SlotPlaces } from '../../model/image.ts';
import type { ChunkDecoder, RestoreTarget } from '../../model/ports.ts';
import { shortenProblems } from '../../target/coverage.ts';
import { DecodedDigests } from './decoded-digests.ts';

interface DigestedWrite {
  readonly offset: number;
  readonly length: number;
  /** Of the chunk that was written; absent for zeros. */
  readonly digest?: string;
}

/**
 * Proof that a restore made an image of which nothing is known but its index, without the bytes: the decoder lets
 * no chunk pass whose bytes have not the digest of their slot, so it is enough that each chunk was written where the index
 * has its digest, and zeros where it has zeros.
 */
export class DigestProof {
  readonly method = 'sha256-per-chunk';
  readonly #digests: DecodedDigests = new DecodedDigests();
  readonly #writes: DigestedWrite[] = [];

  watchDecoder(decoder: ChunkDecoder): ChunkDecoder {
    return this.#digests.watchDecoder(decoder);
  }

  watchTarget(target: RestoreTarget): RestoreTarget {
    return {
      write: async (offset, chunk) => {
        const digest = this.#digests.of(chunk);
        await target.write(offset, chunk);
        this.#writes.push({ offset, length: chunk.length, ...(digest === undefined ? {} : { digest }) });
      },
      writeZeroes: async (offset, length) => {
        await target.writeZeroes(offset, length);
        this.#writes.push({ offset, length });
      },
      finish: () => target.finish(),
    };
  }

  /** What was written where something else belongs, the first few; gaps and overlaps are the target's to find. */
  problems(image: Image): readonly string[] {
    const slots = [...image.slots()];
    const problems = this.#writes.flatMap((write) => problemsOf(write, slots, image));
    return shortenProblems(problems);
  }
}

function problemsOf({ offset, length, digest }: DigestedWrite, slots: readonly Slot[], places: SlotPlaces): string[] {
  const first = slotAt(places, offset);
  if (digest !== undefined) {
    const slot = slots[first];
    if (slot?.offset === offset && slot.length === length && slot.digest === digest) return [];
    return [`chunk ${digest} was written at offset ${offset}, where the index has ${slot?.digest ?? 'none'}`];
  }
  const problems: string[] = [];
  for (let slot = first; slotStart(places, slot) < Math.min(offset + length, places.size); slot += 1) {
    if (slots[slot]?.isZero !== true)
      problems.push(
        `zeros at offset ${slotStart(places, slot)} where the index has ${slots[slot]?.digest ?? 'nothing'}`,
      );
  }
  return problems;
}
