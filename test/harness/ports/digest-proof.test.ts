import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { DigestProof } from '../../../src/harness/ports/digest-proof.ts';
import type { Image, Slot } from '../../../src/model/image.ts';
import type { ChunkDecoder, RestoreTarget } from '../../../src/model/ports.ts';

const slots: readonly Slot[] = ['a', 'zero', 'b', 'zero', 'c'].map((digest, index) => ({
  index,
  offset: index * 10,
  length: index === 4 ? 5 : 10,
  digest,
  isZero: digest === 'zero',
}));
const image: Image = { size: 45, chunkSize: 10, slotCount: 5, slots: () => slots };

const decoder: ChunkDecoder = { decode: async (_chunk, { length }) => await Promise.resolve({ length }) };
const target: RestoreTarget = { async write() {}, async writeZeroes() {}, async finish() {} };

/** Writes the slots at the places that are given, zeros where the slot is zero. */
async function restore(places: readonly (readonly [slot: number, at: number])[]): Promise<readonly string[]> {
  const proof = new DigestProof();
  const decoding = proof.watchDecoder(decoder);
  const writing = proof.watchTarget(target);
  for (const [index, at] of places) {
    const slot = slots[index];
    assert.ok(slot !== undefined);
    if (slot.isZero) await writing.writeZeroes(at, slot.length);
    else await writing.write(at, await decoding.decode({ encodedBytes: 1 }, slot));
  }
  return proof.problems(image);
}

await describe('proof by the digests of the index', () => {
  test('holds for every order of the right writes', async () => {
    assert.deepEqual(await restore([3, 0, 4, 1, 2].map((slot) => [slot, slot * 10])), []);
  });

  test('finds chunks that changed places, zeros over data and data over zeros', async () => {
    assert.deepEqual(
      await restore([
        [0, 20],
        [2, 0],
        [1, 10],
        [3, 30],
        [4, 40],
      ]),
      [
        'chunk a was written at offset 20, where the index has b',
        'chunk b was written at offset 0, where the index has a',
      ],
    );
    assert.match((await restore([[1, 0]])).join(), /zeros at offset 0 where the index has a/u);
    assert.match((await restore([[0, 10]])).join(), /chunk a was written at offset 10, where the index has zero/u);
    assert.match((await restore([[4, 20]])).join(), /chunk c was written at offset 20/u);
  });
});
