import * as fc from 'fast-check';

import type { Slot } from '../../src/model/image.ts';
import { CHUNK_SIZE, imageOf, type RestoreOptions } from './simulated-restore.ts';

/** A restore of which everything is given. */
export interface RandomRestore extends Omit<
  Required<RestoreOptions>,
  'fault' | 'abortAtMs' | 'polite' | 'diskMs' | 'wrap'
> {
  readonly decodeMs: (slot: Pick<Slot, 'index'>) => number;
  readonly writeMs: (offset: number) => number;
}

const cost = fc.integer({ min: 0, max: 20 });

const circumstances = fc.record({
  kinds: fc.array(fc.constantFrom('D', 'D', 'D', '0'), { maxLength: 24 }),
  shortTail: fc.boolean(),
  inFlight: fc.integer({ min: 1, max: 8 }),
  connections: fc.integer({ min: 1, max: 3 }),
  decodeThreads: fc.integer({ min: 0, max: 4 }),
  writers: fc.integer({ min: 1, max: 3 }),
  roundTripMs: fc.integer({ min: 0, max: 10 }).map((half) => half * 2),
  linkMs: fc.constantFrom(0, 1, 2, 4, 8),
  connectionMs: fc.constantFrom(0, 0, 8, 16),
  readLatencyMs: cost,
  queueDepth: fc.integer({ min: 1, max: 4 }),
  writeZeroesMs: cost,
  decodeCosts: fc.array(cost, { minLength: 5, maxLength: 5 }),
  writeCosts: fc.array(cost, { minLength: 7, maxLength: 7 }),
  fetchDelays: fc.array(cost, { minLength: 3, maxLength: 3 }),
  // Eighths of a chunk, so that times on the link are whole multiples of 1/8 ms and sums of them exact.
  blobEighths: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 4, maxLength: 4 }),
});

type Circumstances = typeof circumstances extends fc.Arbitrary<infer Value> ? Value : never;

function withFunctions({
  kinds,
  shortTail,
  decodeCosts,
  writeCosts,
  fetchDelays,
  blobEighths,
  ...costs
}: Circumstances): RandomRestore {
  return {
    ...costs,
    image: imageOf(kinds.join('') + (shortTail ? 's' : '')),
    decodeMs: ({ index }: { readonly index: number }) => decodeCosts[index % 5] ?? 0,
    writeMs: (offset: number) => writeCosts[(offset / CHUNK_SIZE) % 7] ?? 0,
    fetchDelayMs: (slot: number) => fetchDelays[slot % 3] ?? 0,
    encodedBytes: (slot: number) => ((blobEighths[slot % 4] ?? 0) * CHUNK_SIZE) / 8,
  };
}

/** Random images, knobs and service times, which differ from chunk to chunk. */
export const restores: fc.Arbitrary<RandomRestore> = circumstances.map(withFunctions);
