import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';

import type { ImageSettings } from '../../src/model/environment.ts';
import { GiB, MiB } from '../../src/model/units.ts';
import { openDatastore } from '../../src/pbs/datastore/open-datastore.ts';
import { decodeBlob } from '../../src/pbs/format/blob.ts';
import { chunkDigest } from '../../src/pbs/format/digest.ts';
import { synthesiseChunks } from '../../src/pbs/server/synthesised-chunks.ts';
import { ensureDatastore } from '../../src/workload/ensure-datastore.ts';
import type { Workload } from '../../src/workload/workload.ts';
import { temporaryCache, type TemporaryCache } from '../cache/temporary-cache.ts';

const image: ImageSettings = {
  sizeBytes: 401 * MiB,
  zeroShare: 0.2,
  repeatedShare: 0,
  compressionRatio: 2,
  seed: 'test',
};

const synthesise = async ({ cache }: TemporaryCache, settings: Partial<ImageSettings> = {}): Promise<Workload> =>
  await ensureDatastore({
    image: { ...image, ...settings },
    history: { depth: 1, changeRate: 0 },
    chunks: 'synthesised',
    cache,
    signal: new AbortController().signal,
  });

test('a few chunks make the whole image, and each slot has the checksum of its chunk', async () => {
  await using temporary = await temporaryCache();
  using workload = await synthesise(temporary);
  const { facts, recipe, slotChecksums } = workload;
  assert.ok(recipe !== undefined);
  assert.deepEqual(
    [facts.chunkCount, facts.zeroChunkCount, facts.uniqueChunkCount, facts.chunks],
    // 32 and the short last one.
    [101, 20, 33, 'synthesised'],
  );
  assert.equal(facts.uniqueBytes, 32 * 4 * MiB + MiB);
  assert.equal(facts.dataBytes, 80 * 4 * MiB + MiB);
  assert.ok(Math.abs(facts.uniqueBytes / facts.storedBytes / image.compressionRatio - 1) < 0.03);
  assert.equal(facts.sha256, undefined, 'the image was not hashed');

  const pool = await synthesiseChunks(recipe);
  const slots = [
    ...(await (await openDatastore(workload.path)).readIndex(workload.snapshot, 'drive-scsi0.img')).slots(),
  ];
  for (const { digest, length, index } of slots) {
    const plain = decodeBlob(pool.get(digest)!, { maxPlainBytes: length });
    assert.deepEqual([plain.length, crc32(plain)], [length, slotChecksums[index]]);
  }
  assert.equal(pool.size, 34, 'the zero chunk is there, as in a real datastore');
  let sameAsBefore = 0;
  for (const [index, { digest, isZero }] of slots.entries())
    if (!isZero && slots[index + 1]?.digest === digest) sameAsBefore += 1;
  assert.ok(sameAsBefore < 10, 'chunks repeat in no order');
});

test('an image of 64 GiB takes about as long as one of 1 GiB, and no disk', async () => {
  await using temporary = await temporaryCache();
  using workload = await synthesise(temporary, { sizeBytes: 64 * GiB, compressionRatio: 1, zeroShare: 0.1 });
  assert.equal(workload.facts.chunkCount, 16_384);
  assert.equal(workload.facts.uniqueChunkCount, 32);
  assert.equal(workload.slotChecksums.length, 16_384);
  const chunks = join(workload.path, '.chunks');
  assert.ok(!existsSync(chunks) || readdirSync(chunks).length === 0);
  const [entry] = await temporary.cache.entries();
  assert.ok((entry?.sizeBytes ?? 0) < 2 * MiB);
});

test('is the same again from the same settings, and other than that of files', async () => {
  await using temporary = await temporaryCache();
  await using other = await temporaryCache();
  const small = { sizeBytes: 12 * MiB };
  using first = await synthesise(temporary, small);
  using second = await synthesise(other, small);
  assert.deepEqual([first.recipe, first.facts], [second.recipe, second.facts]);
  using files = await ensureDatastore({
    image: { ...image, ...small },
    history: { depth: 1, changeRate: 0 },
    chunks: 'files',
    cache: temporary.cache,
    signal: new AbortController().signal,
  });
  assert.notEqual(files.path, first.path);
  assert.equal(files.recipe, undefined);
});

test('a recipe makes the chunks that it names, and one that makes other bytes is refused', async () => {
  await using temporary = await temporaryCache();
  using workload = await synthesise(temporary, { sizeBytes: 5 * MiB, zeroShare: 0 });
  const { recipe } = workload;
  assert.ok(recipe !== undefined);
  for (const [digest, blob] of await synthesiseChunks(recipe)) {
    assert.equal(chunkDigest(decodeBlob(blob, { maxPlainBytes: 4 * MiB })), digest);
  }
  const digest = createHash('sha256').digest('hex');
  const chunks = recipe.chunks.map((chunk) => ({ ...chunk, digest }));
  await assert.rejects(synthesiseChunks({ ...recipe, chunks }), /makes/u);
});
