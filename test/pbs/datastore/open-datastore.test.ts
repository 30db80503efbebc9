import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { IntegrityError, KnownError, UsageError } from '../../../src/model/errors.ts';
import { openDatastore } from '../../../src/pbs/datastore/open-datastore.ts';
import { decodeBlob } from '../../../src/pbs/format/blob.ts';
import { chunkDigest } from '../../../src/pbs/format/digest.ts';
import { canonicalManifest, isSigned, keyFingerprint, prettyManifest } from '../../../src/pbs/format/manifest.ts';
import { copyOfGolden, expected, goldenArchives, goldenKey, goldenStore, temporaryFolder } from './golden.ts';

const withCode =
  (code: string, text = '') =>
  (error: unknown) =>
    error instanceof KnownError && error.code === code && `${error.message} ${error.hint}`.includes(text);

const newest = 'vm/100/2026-02-16T16:30:44Z';
const archive = 'drive-scsi0.img.fidx';

describe('the golden datastore', () => {
  it('lists all snapshots by group, oldest first', async () => {
    const groups = await (await openDatastore(goldenStore)).listSnapshots();
    assert.deepEqual(
      groups.map(({ type, id, owner }) => [`${type}/${id}`, owner]),
      ['host/anchor', 'host/anchor-enc', 'host/anchor-md', 'vm/100', 'vm/200', 'vm/300', 'vm/400'].map((name) => [
        name,
        'bench@pbs',
      ]),
    );
    const names = groups.flatMap(({ snapshots }) => snapshots.map(({ name }) => name));
    assert.deepEqual(names.toSorted(), Object.keys(expected.snapshots).toSorted());
    for (const { name, files, isFinished } of groups.flatMap(({ snapshots }) => snapshots)) {
      assert.ok(isFinished);
      assert.deepEqual(files, Object.keys(expected.snapshots[name]?.files ?? {}).sort());
    }
  });

  for (const [snapshot, { manifest, files }] of Object.entries(expected.snapshots)) {
    it(`has the expected manifest of ${snapshot}`, async () => {
      const parsed = await (await openDatastore(goldenStore)).readManifest(snapshot);
      assert.deepEqual(JSON.parse(prettyManifest(parsed)), manifest);
      assert.equal(
        createHash('sha256').update(prettyManifest(parsed)).digest('hex'),
        files['index.json.blob']?.payload_sha256,
      );
      assert.ok(!canonicalManifest(parsed).includes('signature'));
      assert.equal(isSigned(parsed), manifest['signature'] !== null);
      assert.equal(keyFingerprint(parsed) !== undefined, isSigned(parsed));
    });
  }

  for (const { snapshot, archive, facts } of goldenArchives) {
    it(`has the expected index ${snapshot}/${archive}, and restores its original`, async () => {
      const datastore = await openDatastore(goldenStore);
      const crypt = await goldenKey(snapshot);
      const index = await datastore.readIndex(snapshot, archive, crypt === undefined ? {} : { crypt });
      assert.deepEqual(
        [index.size, index.slotCount, index.uuid, index.csum],
        [facts.size, facts.chunk_count, facts.uuid, facts.csum],
      );
      const slots = [...index.slots()];
      if (index.kind === 'fixed') {
        assert.deepEqual([index.chunkSize, index.ctime], [facts.chunk_size, facts.ctime]);
        assert.equal(slots.filter(({ isZero }) => isZero).length, facts.zero_chunk_count);
      }
      const key = facts['crypt-mode'] === 'encrypt' && crypt !== undefined ? { crypt } : {};
      const stream = createHash('sha256');
      for (const { digest, length } of slots) {
        const plain = decodeBlob(await datastore.readChunk(digest), { maxPlainBytes: length, ...key });
        assert.equal(plain.length, length);
        assert.equal(chunkDigest(plain, key.crypt), digest);
        stream.update(plain);
      }
      const recorded = facts.original?.sha256 ?? facts.stream_sha256;
      if (recorded === undefined)
        assert.match(snapshot, /anchor-enc/u, 'of an encrypted catalogue nothing was recorded');
      else assert.equal(stream.digest('hex'), recorded);
    });
  }

  it('gives blobs and full names', async () => {
    const datastore = await openDatastore(goldenStore);
    const blob = await datastore.readBlob(newest, 'qemu-server.conf');
    const facts = expected.snapshots[newest]?.files['qemu-server.conf.blob'];
    assert.equal(chunkDigest(blob), facts?.file_sha256);
    assert.equal(chunkDigest(decodeBlob(blob, { maxPlainBytes: 1000 })), facts?.original?.sha256);
    assert.deepEqual(await datastore.findArchive(newest, 'drive-scsi0.img'), { snapshot: newest, archive });
  });
});

describe('what is not there', () => {
  it('is said of a folder without chunks', async () => {
    await using empty = await temporaryFolder();
    for (const path of [empty.path, join(empty.path, 'absent'), join(goldenStore, 'vm/100/owner')]) {
      await assert.rejects(openDatastore(path), withCode('datastore-not-found', path));
    }
  });

  it('is said of a snapshot, with the nearest ones', async () => {
    const datastore = await openDatastore(goldenStore);
    await assert.rejects(
      datastore.readManifest('vm/100/2026-02-16T16:30:45Z'),
      withCode('snapshot-not-found', 'the nearest are vm/100/2026-02-16T16:30:44Z, vm/100/2026-02-15T16:29:43Z'),
    );
    await assert.rejects(datastore.findArchive('ct/1/2026-02-16T16:30:44Z', archive), withCode('snapshot-not-found'));
    await assert.rejects(datastore.readIndex('100', archive), withCode('snapshot-path'));
  });

  it('is said of an archive, with those that are there', async () => {
    const datastore = await openDatastore(goldenStore);
    await assert.rejects(datastore.readIndex(newest, 'drive-virtio0.img'), withCode('archive-not-found', archive));
    await assert.rejects(datastore.readIndex(newest, 'qemu-server.conf'), withCode('not-an-index'));
    await assert.rejects(datastore.readIndex(newest, '../../owner'), withCode('archive-name'));
  });

  it('is said of a datastore without snapshots', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, '.chunks'));
    const datastore = await openDatastore(folder.path);
    assert.deepEqual(await datastore.listSnapshots(), []);
    await assert.rejects(
      datastore.readManifest(newest),
      (error) => error instanceof UsageError && error.code === 'datastore-empty',
    );
  });

  it('is said of a chunk', async () => {
    const datastore = await openDatastore(goldenStore);
    await assert.rejects(datastore.readChunk('0'.repeat(64)), withCode('chunk-missing'));
    await assert.rejects(datastore.readChunk('../../vm/100/owner'), withCode('digest'));
    await assert.rejects(datastore.readChunk('0'.repeat(63) + 'A'), withCode('digest'));
  });
});

describe('damage', () => {
  it('of an index is told with its place', async () => {
    await using copy = await copyOfGolden(['vm/100']);
    await mkdir(join(copy.path, '.chunks'));
    const folder = join(copy.path, newest);
    const bytes = await readFile(join(folder, archive));
    const overwrite = async (content: Uint8Array): Promise<void> => {
      await rm(join(folder, archive), { force: true });
      await writeFile(join(folder, archive), content);
    };
    const datastore = await openDatastore(copy.path);
    await overwrite(bytes.subarray(0, -1));
    await assert.rejects(datastore.readIndex(newest, archive), withCode('index-length', `${newest}/${archive}`));
    const flipped = Buffer.from(bytes);
    flipped[4200] = (flipped[4200] ?? 0) ^ 1;
    await overwrite(flipped);
    await assert.rejects(datastore.readIndex(newest, archive), withCode('index-csum', archive));
    await overwrite(await readFile(join(copy.path, 'vm/100/2026-02-15T16:29:43Z', archive)));
    await assert.rejects(datastore.readIndex(newest, archive), withCode('manifest-csum', archive));
    await rm(join(folder, archive));
    await assert.rejects(datastore.readIndex(newest, archive), withCode('file-missing', archive));
  });

  it('of a manifest is told with its place, and a snapshot without one is unfinished', async () => {
    await using copy = await copyOfGolden(['vm/400']);
    await mkdir(join(copy.path, '.chunks'));
    const snapshot = 'vm/400/2026-02-15T18:26:40Z';
    const manifest = join(copy.path, snapshot, 'index.json.blob');
    const datastore = await openDatastore(copy.path);
    const other = await readFile(join(goldenStore, newest, 'index.json.blob'));
    await rm(manifest);
    await assert.rejects(datastore.readManifest(snapshot), withCode('snapshot-unfinished'));
    await writeFile(manifest, other);
    await assert.rejects(datastore.readManifest(snapshot), withCode('manifest-snapshot'));
    await writeFile(manifest, other.subarray(0, 30));
    await assert.rejects(
      datastore.readManifest(snapshot),
      (error) => error instanceof IntegrityError && error.message.includes(snapshot),
    );
  });
});

describe('a file that is longer than its kind can be', () => {
  it('is refused before it is read, whatever its length', async () => {
    await using copy = await copyOfGolden([newest]);
    await mkdir(join(copy.path, '.chunks'), { recursive: true });
    const store = await openDatastore(copy.path);
    const manifest = join(copy.path, newest, 'index.json.blob');
    for (const bytes of [128 * 1024 * 1024 + 45, 5 * 1024 ** 3]) {
      await truncate(manifest, bytes);
      await assert.rejects(store.readManifest(newest), withCode('blob-too-large', `${bytes}`));
    }
  });
});
