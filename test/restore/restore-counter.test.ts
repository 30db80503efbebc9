import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { EncodedChunk, PlainChunk } from '../../src/model/ports.ts';
import { RestoreCounter } from '../../src/restore/restore-counter.ts';

test('a chunk counts when it is written, in all figures at once, and as unique the first time', async () => {
  const counter = new RestoreCounter();
  const seen: (readonly number[])[] = [];
  const decoder = counter.watchDecoder({ decode: async (_, { length }) => ({ length }) });
  const target = counter.watchTarget(
    { write: async () => {}, writeZeroes: async () => {}, finish: async () => {} },
    () => seen.push([counter.logical, counter.data, counter.unique]),
  );
  const decode = async (index: number, digest: string): Promise<PlainChunk> =>
    await decoder.decode({} as EncodedChunk, { index, offset: 4 * index, length: 4, digest, isZero: false });
  const chunks = [await decode(0, 'a'), await decode(1, 'b'), await decode(2, 'a')];
  assert.deepEqual([counter.logical, counter.data, counter.unique], [0, 0, 0], 'decoded, and nothing written');
  for (const [index, chunk] of chunks.entries()) await target.write(4 * index, chunk);
  await target.writeZeroes(12, 4);
  assert.deepEqual(seen, [
    [4, 4, 4],
    [8, 8, 8],
    [12, 12, 8],
    [16, 12, 8],
  ]);
});
