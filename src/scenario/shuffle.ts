import { hash } from 'node:crypto';

/**
 * Numbers in [0, 1) that follow from a text: sfc32 (Chris Doty-Humphrey's small fast counter, 128 bits of state,
 * passes PractRand), seeded with the first 128 bits of the text's SHA-256, so that similar seeds give unlike numbers.
 */
export function seededRandom(seed: string): () => number {
  const digest = hash('sha256', seed, 'buffer');
  const state = Uint32Array.from([0, 4, 8, 12], (offset) => digest.readUInt32LE(offset));
  let [a = 0, b = 0, c = 0, counter = 0] = state;
  return () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
}

/** A shuffled copy (Fisher-Yates); `random` gives numbers in [0, 1). */
export function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  const copy = [...items];
  for (let last = copy.length - 1; last > 0; last -= 1) {
    const chosen = Math.floor(random() * (last + 1));
    [copy[last], copy[chosen]] = [copy[chosen] as Item, copy[last] as Item];
  }
  return copy;
}
