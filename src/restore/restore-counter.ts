import { DecodedDigests } from '../harness/ports/decoded-digests.ts';
import type { ChunkDecoder, PlainChunk, RestoreTarget } from '../model/ports.ts';

/** What one restore has moved so far; bytes. */
export interface RestoredBytes {
  /** Of the image, zeros included. */
  readonly logical: number;
  /** Of chunks that are not zeros. */
  readonly data: number;
  /** Each distinct chunk once. */
  readonly unique: number;
}

/** Counts what passes through the ports of a restore, where bytes have been verified and written. */
export class RestoreCounter implements RestoredBytes {
  logical = 0;
  data = 0;
  unique = 0;
  readonly #seen: Set<string> = new Set();
  /** Of decoded chunks until they are written: all figures count what is written. */
  readonly #digests: DecodedDigests = new DecodedDigests();

  watchDecoder(decoder: ChunkDecoder): ChunkDecoder {
    return this.#digests.watchDecoder(decoder);
  }

  /** @param onWritten called after each write */
  watchTarget(target: RestoreTarget, onWritten: () => void): RestoreTarget {
    return {
      write: async (offset, chunk) => {
        const { length } = chunk;
        await target.write(offset, chunk);
        this.data += length;
        this.#countUnique(chunk, length);
        this.logical += length;
        onWritten();
      },
      writeZeroes: async (offset, length) => {
        await target.writeZeroes(offset, length);
        this.logical += length;
        onWritten();
      },
      finish: async () => await target.finish(),
    };
  }

  #countUnique(chunk: PlainChunk, length: number): void {
    const digest = this.#digests.of(chunk);
    if (digest === undefined || this.#seen.has(digest)) return;
    this.#seen.add(digest);
    this.unique += length;
  }
}
