import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeBlob } from '../../src/pbs/format/blob.ts';
import { chunkDigest } from '../../src/pbs/format/digest.ts';
import { ChunkMaterial } from '../../src/material/chunk-material.ts';

const CHUNK = 4 << 20;
const chunk = new Uint8Array(CHUNK);

describe('the material of chunks', () => {
  for (const ratio of [1, 1.01, 1.1, 1.5, 2, 2.4, 2.475, 2.6, 4, 10, 20, 50, 100]) {
    it(`is compressed ${ratio} : 1 by zstd level 1, to within 3 %`, () => {
      for (const seed of ['one', 'two']) {
        const material = new ChunkMaterial(seed, ratio);
        let encoded = 0;
        for (let content = 1; content <= 2; content += 1) {
          material.fillChunk(chunk, content);
          encoded += encodeBlob(chunk).length;
        }
        const reached = (2 * CHUNK) / encoded;
        assert.ok(Math.abs(reached / ratio - 1) < 0.03, `${reached} with seed ${seed}`);
      }
    });
  }

  it('is the same for the same seed and number, whatever was made before', () => {
    for (const ratio of [1, 2, 10_000]) {
      const digests = [7, 8, 7].map((content) => {
        new ChunkMaterial('seed', ratio).fillChunk(chunk, content);
        return chunkDigest(chunk);
      });
      const material = new ChunkMaterial('seed', ratio);
      for (const content of [8, 7]) material.fillChunk(chunk, content);
      assert.equal(digests[0], digests[2]);
      assert.equal(chunkDigest(chunk), digests[0]);
      assert.notEqual(digests[0], digests[1]);
      new ChunkMaterial('other', ratio).fillChunk(chunk, 7);
      assert.notEqual(chunkDigest(chunk), digests[0]);
    }
  });

  it('fills pieces of any length', () => {
    for (const ratio of [1, 1.5, 3, 30]) {
      const material = new ChunkMaterial('seed', ratio);
      for (const length of [1, 15, 16, 17, 4097, 131_071, 131_073, 1_000_001]) {
        const seen = [0, 0xff].map((before) => {
          const piece = new Uint8Array(length).fill(before);
          material.fillChunk(piece, 3);
          return chunkDigest(piece);
        });
        assert.equal(seen[0], seen[1], `ratio ${ratio}, ${length} bytes: not all were written`);
      }
    }
  });

  it('is literals and matches as in real files, not only long runs', () => {
    new ChunkMaterial('seed', 2.475).fillChunk(chunk, 1);
    const counts = new Float64Array(256);
    for (const byte of chunk) counts[byte] = (counts[byte] ?? 0) + 1;
    const entropy = counts.reduce(
      (sum, count) => (count === 0 ? sum : sum - (count / CHUNK) * Math.log2(count / CHUNK)),
      0,
    );
    assert.ok(entropy > 6 && entropy < 7.9, `${entropy} bits for each byte`);
  });
});
