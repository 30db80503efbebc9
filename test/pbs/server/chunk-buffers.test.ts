import assert from 'node:assert/strict';
import { it } from 'node:test';

import { ChunkBuffers } from '../../../src/pbs/server/chunk-buffers.ts';

it('memory of chunks is used again once it was given back, and only then', () => {
  const buffers = new ChunkBuffers();
  const [first, second] = [buffers.take(4_194_316), buffers.take(2_000_000)];
  assert.notEqual(first.buffer, second.buffer);
  assert.deepEqual([first.length, second.length], [4_194_316, 2_000_000]);
  buffers.give(second.subarray(0, 10));
  const third = buffers.take(3_000_000);
  assert.deepEqual([third.buffer === second.buffer, third.length], [true, 3_000_000]);
  assert.notEqual(buffers.take(3_000_000).buffer, third.buffer);
});

it('memory that is not theirs is left alone, and what is kept is bounded', () => {
  const buffers = new ChunkBuffers();
  for (const length of [0, 1000, 20_000_000]) {
    const taken = buffers.take(length);
    assert.equal(taken.length, length);
    buffers.give(taken);
  }
  buffers.give(Buffer.alloc(4_194_316));
  assert.equal(buffers.take(20_000_000).length, 20_000_000);
  const given = Array.from({ length: 40 }, () => buffers.take(4_194_316));
  for (const buffer of given) buffers.give(buffer);
  const known = new Set(given.map(({ buffer }) => buffer));
  const again = Array.from({ length: 40 }, () => buffers.take(4_194_316));
  assert.equal(again.filter(({ buffer }) => known.has(buffer)).length, 32);
});
