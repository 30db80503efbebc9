import type { ChunkDecoder, PlainChunk } from '../../model/ports.ts';

/** Which chunk each decoded one was: a target is handed bytes alone. */
export class DecodedDigests {
  readonly #digests: WeakMap<PlainChunk, string> = new WeakMap();

  watchDecoder(decoder: ChunkDecoder): ChunkDecoder {
    return {
      decode: async (chunk, slot) => {
        const plain = await decoder.decode(chunk, slot);
        this.#digests.set(plain, slot.digest);
        return plain;
      },
    };
  }

  /** Undefined for a chunk that no watched decoder has made. */
  of(chunk: PlainChunk): string | undefined {
    return this.#digests.get(chunk);
  }
}
