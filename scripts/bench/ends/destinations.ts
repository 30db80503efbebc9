import { crc32 } from 'node:zlib';

import { DEFAULT_CHUNK_SIZE } from '../../../src/model/units.ts';
import { payloadChunks } from './payload.ts';

/** Memory for the chunks in flight, used again and again, and what has been received into it last. */
export class Destinations {
  readonly #memory: readonly Uint8Array<ArrayBuffer>[];
  /** Number of the chunk that each holds. */
  readonly #held: number[] = [];

  constructor(streams: number) {
    this.#memory = Array.from({ length: streams }, () => new Uint8Array(DEFAULT_CHUNK_SIZE));
  }

  /** Memory of a stream, for a chunk of that number. */
  take(stream: number, chunk: number): Uint8Array<ArrayBuffer> {
    this.#held[stream] = chunk;
    const memory = this.#memory[stream];
    if (memory === undefined) throw new Error(`there is no stream ${stream}`);
    return memory;
  }

  /** @throws Error where a destination holds other bytes than those of its chunk */
  check(): void {
    checksums ??= payloadChunks(1).map((chunk) => crc32(chunk));
    for (const [stream, chunk] of this.#held.entries()) {
      const seen = crc32(this.#memory[stream] ?? new Uint8Array());
      if (seen !== checksums[chunk % checksums.length]) throw new Error(`chunk ${chunk} was received with wrong bytes`);
    }
  }
}

let checksums: readonly number[] | undefined;

/** Runs `fetch` for each of the chunks, `streams` at a time. */
export async function fetchAll(
  streams: number,
  chunks: number,
  fetch: (stream: number, chunk: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const work = async (stream: number): Promise<void> => {
    while (next < chunks) await fetch(stream, next++);
  };
  await Promise.all(Array.from({ length: streams }, (_, stream) => work(stream)));
}
