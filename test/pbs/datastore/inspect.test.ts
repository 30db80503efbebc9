import assert from 'node:assert/strict';
import { chmod, rm, truncate, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';

import { metricValue } from '../../../src/model/metric.ts';
import { inspectArchive, type InspectedArchive } from '../../../src/pbs/datastore/inspect.ts';
import { openDatastore } from '../../../src/pbs/datastore/open-datastore.ts';
import type { CryptConfig } from '../../../src/pbs/format/crypt-config.ts';
import { otherCrypt } from '../format/keys.ts';
import { copyOfGolden, expected, goldenIndexes, goldenKey, goldenStore } from './golden.ts';
import { readerWithoutRights } from './reader-without-rights.ts';

const newest = 'vm/100/2026-02-16T16:30:44Z';

/** The names of encodings in expected.json. */
const encodingNames = { plain: 'plain', zstd: 'zstd', encrypted: 'enc', 'zstd-encrypted': 'enc-zstd' } as const;

async function inspectOne(
  store: string,
  snapshot: string,
  archive?: string,
  crypt?: CryptConfig,
): Promise<InspectedArchive> {
  const { archives } = await inspectArchive(await openDatastore(store), snapshot, {
    ...(archive === undefined ? {} : { archive }),
    ...(crypt === undefined ? {} : { crypt }),
  });
  const [only] = archives;
  assert.ok(only !== undefined && archives.length === 1);
  return only;
}

const total = (ages: InspectedArchive['ages'], what: 'chunks' | 'bytes'): number =>
  ages.reduce((sum, age) => sum + age[what], 0);

describe('inspecting the golden store', () => {
  for (const { snapshot, archive, facts, isEncrypted } of goldenIndexes) {
    it(`gives the expected facts of ${snapshot}/${archive}`, async () => {
      for (const crypt of [undefined, await goldenKey(snapshot)]) {
        const found = await inspectOne(goldenStore, snapshot, archive, crypt);
        assert.equal(found.cryptMode, facts['crypt-mode']);
        assert.deepEqual(
          [found.size, found.chunkSize, found.uuid, found.csum, found.chunkCount, found.uniqueChunkCount],
          [facts.size, facts.chunk_size, facts.uuid, facts.csum, facts.chunk_count, facts.unique_chunk_count],
        );
        const isUnknown = isEncrypted && crypt === undefined;
        assert.equal(metricValue(found.zeroChunkCount), isUnknown ? undefined : facts.zero_chunk_count);
        assert.equal(metricValue(found.repeatedNonZeroCount), isUnknown ? undefined : facts.repeated_nonzero);
        const encodings = Object.entries(found.encodings).map(([kind, count]) => [
          encodingNames[kind as keyof typeof encodingNames],
          count,
        ]);
        assert.deepEqual(Object.fromEntries(encodings), facts.unique_encodings);
        assert.equal(found.encodedBytes, facts.unique_encoded_bytes);
        assert.equal(metricValue(found.compressionRatio), found.uniqueBytes! / found.encodedBytes);
        assert.deepEqual(found.problems, []);
        assert.equal(total(found.ages, 'chunks'), facts.unique_chunk_count);
        assert.equal(total(found.ages, 'bytes'), facts.unique_encoded_bytes);
      }
    });
  }

  it('gives the facts of archives of files, both halves of split ones', async () => {
    const md = 'host/anchor-md/2026-02-14T19:28:20Z';
    const { archives } = await inspectArchive(await openDatastore(goldenStore), md, {
      archive: 'root.pxar',
      contents: true,
    });
    assert.deepEqual(
      archives.map(({ archive, kind, chunkCount, problems }) => [archive, kind, chunkCount, problems]),
      [
        ['root.mpxar.didx', 'dynamic', expected.snapshots[md]?.files['root.mpxar.didx']?.chunk_count, []],
        ['root.ppxar.didx', 'dynamic', expected.snapshots[md]?.files['root.ppxar.didx']?.chunk_count, []],
      ],
    );
    assert.match(JSON.stringify(archives[0]?.zeroChunkCount), /unavailable/u);
  });

  it('checks signatures and encrypted contents under the key, and refuses another one', async () => {
    const datastore = await openDatastore(goldenStore);
    const snapshot = 'vm/200/2026-02-15T18:26:40Z';
    const crypt = await goldenKey(snapshot);
    assert.ok(crypt !== undefined);
    const found = await inspectArchive(datastore, snapshot, { contents: true, crypt });
    assert.deepEqual([found.signature, found.signatureWarning], ['valid', undefined]);
    assert.deepEqual(found.archives[0]?.problems, []);
    const blind = await inspectArchive(datastore, snapshot);
    assert.equal(blind.signature, 'unchecked');
    assert.match(blind.signatureWarning ?? '', /not verified/u);
    await assert.rejects(inspectArchive(datastore, snapshot, { crypt: otherCrypt }), {
      code: 'wrong-key',
      exitCode: 2,
    });
    const unsigned = await inspectArchive(datastore, newest, { crypt });
    assert.equal(unsigned.signature, 'unsigned');
    assert.match(unsigned.signatureWarning ?? '', /not signed/u);
  });

  it('takes all images of a snapshot where none is named', async () => {
    const { archives, signature } = await inspectArchive(
      await openDatastore(goldenStore),
      'vm/400/2026-02-15T18:26:40Z',
    );
    assert.deepEqual(
      archives.map(({ archive }) => archive),
      ['drive-efidisk0.img.fidx', 'drive-scsi0.img.fidx'],
    );
    assert.equal(signature, 'unsigned');
  });

  it('tells from which backup the chunks are', async () => {
    const { ages } = await inspectOne(goldenStore, newest);
    assert.deepEqual(
      ages.map(({ snapshot, chunks }) => [snapshot, chunks]),
      [
        ['vm/100/2026-02-13T16:27:41Z', 6],
        ['vm/100/2026-02-14T16:28:42Z', 2],
        ['vm/100/2026-02-15T16:29:43Z', 1],
        ['vm/100/2026-02-16T16:30:44Z', 1],
      ],
    );
    // What the real client uploaded for the last two (chunk_upload_stats in their manifests).
    assert.deepEqual(
      ages.slice(2).map(({ bytes }) => bytes),
      [68_836, 2_064_907],
    );
  });

  it('says that the counts of zeros are unknown under a key', async () => {
    const found = await inspectOne(goldenStore, 'vm/200/2026-02-15T18:26:40Z');
    assert.match(JSON.stringify(found.zeroChunkCount), /unavailable.*key/u);
  });
});

describe('inspecting a damaged store', () => {
  it('names missing and unreadable chunks and counts the others', async () => {
    await using copy = await copyOfGolden(['vm/100', '.chunks']);
    const datastore = await openDatastore(copy.path);
    const index = await datastore.readIndex(newest, 'drive-scsi0.img');
    const digests = [...new Set([...index.slots()].filter(({ isZero }) => !isZero).map(({ digest }) => digest))];
    const [missing = '', foreign = '', short = '', empty = ''] = digests;
    await rm(datastore.chunkPath(missing));
    await writeFile(datastore.chunkPath(foreign), 'something else altogether');
    await truncate(datastore.chunkPath(short), 11);
    await truncate(datastore.chunkPath(empty), 12);
    const whole = await inspectOne(goldenStore, newest);
    const found = await inspectOne(copy.path, newest);
    assert.deepEqual(
      new Map(found.problems.map(({ digest, code }) => [digest, code])),
      new Map([
        [missing, 'chunk-missing'],
        [foreign, 'blob-magic'],
        [short, 'blob-truncated'],
        [empty, 'chunk-empty'],
      ]),
    );
    assert.equal(found.uniqueChunkCount, whole.uniqueChunkCount);
    assert.equal(total(found.ages, 'chunks'), whole.uniqueChunkCount - 4);
  });

  it('does not take for damage what it may not read', async (context) => {
    const become = readerWithoutRights();
    if (become === undefined) return context.skip('root may read everything, and cannot be anybody else here');
    await using copy = await copyOfGolden(['vm/100', '.chunks']);
    const datastore = await openDatastore(copy.path);
    const index = await datastore.readIndex(newest, 'drive-scsi0.img');
    const digest = index.digestAt(1);
    await chmod(datastore.chunkPath(digest), 0);
    // Everything else can be read.
    await chmod(copy.path, 0o755);
    become();
    try {
      for (const contents of [false, true])
        await assert.rejects(inspectArchive(datastore, newest, { contents }), {
          exitCode: 5,
          message: new RegExp(`reading .*${digest}`, 'u'),
        });
    } finally {
      if (process.getuid?.() === 0) process.seteuid?.(0);
    }
    return undefined;
  });

  it('looks past a backup that cannot be read, and says so', async () => {
    await using copy = await copyOfGolden(['vm/100', '.chunks']);
    const first = 'vm/100/2026-02-13T16:27:41Z';
    await rm(`${copy.path}/${first}/drive-scsi0.img.fidx`);
    await writeFile(`${copy.path}/${first}/drive-scsi0.img.fidx`, 'x');
    const { ages, skippedSnapshots } = await inspectOne(copy.path, newest);
    assert.equal(total(ages, 'chunks'), 10);
    assert.deepEqual(
      skippedSnapshots.map(({ snapshot }) => snapshot),
      [first],
    );
  });
});
