import type { ChunkDecoder, RestoreTarget } from '../model/ports.ts';

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

  watchDecoder(decoder: ChunkDecoder): ChunkDecoder {
    return {
      decode: async (chunk, slot) => {
        const plain = await decoder.decode(chunk, slot);
        if (!this.#seen.has(slot.digest)) this.unique += slot.length;
        this.#seen.add(slot.digest);
        return plain;
      },
    };
  }

  /** @param onWritten called after each write */
  watchTarget(target: RestoreTarget, onWritten: () => void): RestoreTarget {
    return {
      write: async (offset, chunk) => {
        const { length } = chunk;
        await target.write(offset, chunk);
        this.data += length;
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
}
