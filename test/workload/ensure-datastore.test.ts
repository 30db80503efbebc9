import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { crc32 } from 'node:zlib';

import type { Cache } from '../../src/cache/cache.ts';
import type { HistorySettings, ImageSettings } from '../../src/model/environment.ts';
import { KnownError, MachineError } from '../../src/model/errors.ts';
import { metricValue } from '../../src/model/metric.ts';
import { inspectArchive } from '../../src/pbs/datastore/inspect.ts';
import { openDatastore } from '../../src/pbs/datastore/open-datastore.ts';
import { decodeBlob } from '../../src/pbs/format/blob.ts';
import { chunkDigest } from '../../src/pbs/format/digest.ts';
import { ensureDatastore, type EnsureDatastoreOptions } from '../../src/workload/ensure-datastore.ts';
import type { Workload } from '../../src/workload/workload.ts';
import { temporaryCache, type TemporaryCache } from '../cache/temporary-cache.ts';

const MiB = 1 << 20;
const image: ImageSettings = {
  sizeBytes: 50 * MiB,
  zeroShare: 0.2,
  repeatedShare: 0.15,
  compressionRatio: 2,
  seed: 'test',
};
const history: HistorySettings = { depth: 3, changeRate: 0.25 };

const ensure = async (cache: Cache, options: Partial<EnsureDatastoreOptions> = {}): Promise<Workload> =>
  await ensureDatastore({ image, history, chunks: 'files', cache, signal: new AbortController().signal, ...options });

/** Restores a snapshot with every check; returns the CRC-32 of each slot and the SHA-256 of the image. */
async function restore(path: string, snapshot: string): Promise<{ sha256: string; checksums: number[] }> {
  const datastore = await openDatastore(path);
  const sha256 = createHash('sha256');
  const checksums: number[] = [];
  for (const slot of (await datastore.readIndex(snapshot, 'drive-scsi0.img')).slots()) {
    const plain = decodeBlob(await datastore.readChunk(slot.digest), { maxPlainBytes: slot.length });
    assert.equal(chunkDigest(plain), slot.digest);
    assert.equal(plain.length, slot.length);
    sha256.update(plain);
    checksums.push(crc32(plain));
  }
  return { sha256: sha256.digest('hex'), checksums };
}

describe('a synthetic datastore', () => {
  let temporary: TemporaryCache;
  before(async () => (temporary = await temporaryCache()));
  after(async () => await temporary[Symbol.asyncDispose]());

  it('holds what was asked for, and every backup can be restored', async () => {
    const progress: number[] = [];
    using workload = await ensure(temporary.cache, {
      onProgress: ({ bytes, totalBytes }) => {
        assert.equal(totalBytes, image.sizeBytes);
        progress.push(bytes);
      },
    });
    assert.equal(progress.length, 13);
    assert.deepEqual(
      progress,
      progress.toSorted((left, right) => left - right),
    );
    assert.equal(progress.at(-1), image.sizeBytes);

    const datastore = await openDatastore(workload.path);
    const snapshots = (await datastore.listSnapshots()).flatMap((group) => group.snapshots);
    assert.equal(snapshots.length, 3);
    assert.equal(workload.snapshot, snapshots.at(-1)?.name);
    const times = snapshots.map(({ snapshot }) => snapshot.time);
    assert.deepEqual(
      times.map((time) => time - (times[0] ?? 0)),
      [0, 86_400, 172_800],
    );
    for (const { name } of snapshots) {
      const restored = await restore(workload.path, name);
      if (name !== workload.snapshot) continue;
      assert.equal(restored.sha256, workload.facts.sha256);
      assert.deepEqual(restored.checksums, [...workload.slotChecksums]);
    }
    const configuration = decodeBlob(await datastore.readBlob(workload.snapshot, 'qemu-server.conf'), {
      maxPlainBytes: 10_000,
    });
    assert.match(Buffer.from(configuration).toString(), /^#qmdump#map:scsi0:drive-scsi0:local-lvm:raw:$/mu);
    assert.match(Buffer.from(configuration).toString(), /^scsi0: local-lvm:vm-100-disk-0,size=50M$/mu);
  });

  it('has the facts that an inspection finds', async () => {
    using workload = await ensure(temporary.cache);
    const { facts } = workload;
    const { archives } = await inspectArchive(await openDatastore(workload.path), workload.snapshot);
    const [found] = archives;
    assert.ok(found !== undefined);
    assert.deepEqual(
      [found.size, found.chunkSize, found.chunkCount],
      [facts.sizeBytes, facts.chunkSizeBytes, facts.chunkCount],
    );
    assert.deepEqual([facts.chunkCount, facts.zeroChunkCount, facts.uniqueChunkCount], [13, 3, 8]);
    assert.equal(metricValue(found.zeroChunkCount), 3);
    assert.equal(metricValue(found.repeatedNonZeroCount), 2);
    assert.equal(found.uniqueChunkCount, 9);
    assert.equal(facts.dataBytes, 38 * MiB);
    assert.equal(found.uniqueBytes, facts.uniqueBytes + 4 * MiB);
    const zeroChunk = (
      await stat(
        (await openDatastore(workload.path)).chunkPath(
          'bb9f8df61474d25e71fa00722318cd387396ca1736605e1248821cc0de3d3af8',
        ),
      )
    ).size;
    assert.equal(found.encodedBytes, facts.storedBytes + zeroChunk);
    assert.ok(Math.abs(facts.uniqueBytes / facts.storedBytes / 2 - 1) < 0.03);
    assert.ok(found.ages.length > 1, 'all chunks are from one backup');
    assert.deepEqual(found.problems, []);
  });

  it('gives chunks the time of the backup that brought them', async () => {
    using workload = await ensure(temporary.cache);
    const datastore = await openDatastore(workload.path);
    const born = new Map<string, number>();
    for (const { snapshot, name } of (await datastore.listSnapshots()).flatMap((group) => group.snapshots)) {
      for (const { digest } of (await datastore.readIndex(name, workload.archive)).slots()) {
        if (!born.has(digest)) born.set(digest, snapshot.time);
      }
    }
    assert.equal(new Set(born.values()).size, 3);
    for (const [digest, time] of born) assert.equal((await stat(datastore.chunkPath(digest))).mtimeMs, time * 1000);
  });

  it('is the same bytes again from the same settings', async () => {
    await using other = await temporaryCache();
    using first = await ensure(temporary.cache);
    using second = await ensure(other.cache);
    using third = await ensure(other.cache, { image: { ...image, seed: 'other' } });
    assert.deepEqual(first.facts, second.facts);
    assert.notEqual(first.facts.sha256, third.facts.sha256);
    const files = async (path: string): Promise<string[]> => (await readdir(path, { recursive: true })).sort();
    assert.deepEqual(await files(first.path), await files(second.path));
  });

  for (const [what, sizeBytes] of [
    ['one byte', 1],
    ['less than a chunk', 540_672],
    ['chunks and a short one', 6_815_744],
    ['one whole chunk', 4 * MiB],
  ] as const) {
    it(`may be of ${what}`, async () => {
      using workload = await ensure(temporary.cache, {
        image: { ...image, sizeBytes, zeroShare: 0, repeatedShare: 0 },
      });
      const restored = await restore(workload.path, workload.snapshot);
      assert.equal(restored.sha256, workload.facts.sha256);
      assert.equal(workload.facts.dataBytes, sizeBytes);
    });
  }

  it('may be all zeros', async () => {
    const empty = { ...image, sizeBytes: 8 * MiB, zeroShare: 1, repeatedShare: 0 };
    using workload = await ensure(temporary.cache, { image: empty, history: { depth: 2, changeRate: 0 } });
    assert.deepEqual(
      [workload.facts.zeroChunkCount, workload.facts.uniqueChunkCount, workload.facts.dataBytes],
      [2, 0, 0],
    );
    assert.equal((await restore(workload.path, workload.snapshot)).sha256, chunkDigest(new Uint8Array(8 * MiB)));
  });

  it('is stored uncompressed where it cannot be compressed, as PBS would', async () => {
    using workload = await ensure(temporary.cache, { image: { ...image, sizeBytes: 12 * MiB, compressionRatio: 1 } });
    const { archives } = await inspectArchive(await openDatastore(workload.path), workload.snapshot);
    assert.equal(archives[0]?.encodings.plain, workload.facts.uniqueChunkCount);
  });
});

describe('the cached datastore', () => {
  it('is used again, and the settings that make no difference make none', async () => {
    await using temporary = await temporaryCache();
    const options = { history: { depth: 1, changeRate: 0.5 }, image: { ...image, sizeBytes: 8 * MiB } };
    using first = await ensure(temporary.cache, options);
    const made = (await stat(join(first.path, '.chunks'))).mtimeMs;
    let progressed = false;
    using second = await ensure(temporary.cache, {
      ...options,
      history: { depth: 1, changeRate: 0 },
      onProgress: () => (progressed = true),
    });
    assert.equal(progressed, false);
    assert.equal((await stat(join(second.path, '.chunks'))).mtimeMs, made);
    assert.deepEqual([second.facts, second.slotChecksums], [first.facts, first.slotChecksums]);
  });

  it('is whole for both of two that make it at once', async () => {
    await using temporary = await temporaryCache();
    const [one, other] = await Promise.all([ensure(temporary.cache), ensure(temporary.cache)]);
    assert.equal(one.path, other.path);
    assert.equal((await restore(one.path, one.snapshot)).sha256, other.facts.sha256);
    one[Symbol.dispose]();
    assert.equal((await temporary.cache.entries())[0]?.inUse, true);
    other[Symbol.dispose]();
    assert.equal((await temporary.cache.entries())[0]?.inUse, false);
  });

  it('is not there after an abort, and the reason comes through', async () => {
    await using temporary = await temporaryCache();
    const controller = new AbortController();
    const reason = new Error('enough');
    const making = ensure(temporary.cache, {
      signal: controller.signal,
      onProgress: ({ bytes }) => bytes > 20 * MiB && controller.abort(reason),
    });
    await assert.rejects(making, (error) => error === reason);
    assert.deepEqual(await temporary.cache.entries(), []);
    for (const folder of ['entries', 'leases', 'building'])
      assert.deepEqual(await readdir(join(temporary.folder, folder)), []);
    await assert.rejects(ensure(temporary.cache, { signal: controller.signal }), (error) => error === reason);
  });

  it('cannot be made where the cache cannot be written, and says where', async () => {
    await using temporary = await temporaryCache();
    await writeFile(temporary.folder, 'a file');
    await assert.rejects(
      ensure(temporary.cache),
      (error) => error instanceof MachineError && error.message.includes(temporary.folder),
    );
  });

  it('is refused when what stands beside it is damaged', async () => {
    await using temporary = await temporaryCache();
    const options = { image: { ...image, sizeBytes: 4 * MiB } };
    const first = await ensure(temporary.cache, options);
    first[Symbol.dispose]();
    await rm(join(first.path, '..', 'slot-checksums.bin'));
    await assert.rejects(
      ensure(temporary.cache, options),
      (error) => error instanceof KnownError && error.code === 'cache-damaged',
    );
    assert.equal((await temporary.cache.entries())[0]?.inUse, false);
  });
});
