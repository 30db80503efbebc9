import { crc32 } from 'node:zlib';

import { DEFAULT_CHUNK_SIZE } from '../../../src/model/units.ts';
import { payloadChunks } from './payload.ts';

/** One piece of memory of a chunk's length. */
export type Destination = Uint8Array<ArrayBuffer>;

/**
 * Memory for the chunks in flight, as the product has it: given out when a response begins, that which was used last
 * first. Remembers what was received into each last.
 */
export class Destinations {
  readonly #all: readonly Destination[];
  readonly #free: Destination[];
  /** Number of the chunk that each holds. */
  readonly #held: Map<Destination, number> = new Map();

  constructor(streams: number) {
    this.#all = Array.from({ length: streams }, () => new Uint8Array(DEFAULT_CHUNK_SIZE));
    this.#free = [...this.#all];
  }

  /** Memory for a chunk of that number. */
  take(chunk: number): Destination {
    const memory = this.#free.pop();
    if (memory === undefined) throw new Error('more responses than streams');
    this.#held.set(memory, chunk);
    return memory;
  }

  /** The chunk is whole, and nothing needs it. */
  give(memory: Destination): void {
    this.#free.push(memory);
  }

  /** @throws Error where a destination holds other bytes than those of its chunk */
  check(): void {
    checksums ??= payloadChunks(1).map((chunk) => crc32(chunk));
    for (const [memory, chunk] of this.#held) {
      const seen = crc32(memory);
      if (seen !== checksums[chunk % checksums.length]) throw new Error(`chunk ${chunk} was received with wrong bytes`);
    }
  }
}

let checksums: readonly number[] | undefined;

/** Runs `fetch` for the number of each chunk, `streams` at a time. */
export async function fetchAll(
  streams: number,
  chunks: number,
  fetch: (chunk: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < chunks) await fetch(next++);
  };
  await Promise.all(Array.from({ length: streams }, work));
}
