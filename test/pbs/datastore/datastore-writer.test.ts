import assert from 'node:assert/strict';
import { readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { DatastoreWriter } from '../../../src/pbs/datastore/datastore-writer.ts';
import { openDatastore } from '../../../src/pbs/datastore/open-datastore.ts';
import { decodeBlob, encodeBlob, encodeBlobParts } from '../../../src/pbs/format/blob.ts';
import { chunkDigest } from '../../../src/pbs/format/digest.ts';
import { encodeFixedIndex } from '../../../src/pbs/format/fixed-index.ts';
import { parseSnapshotPath } from '../../../src/pbs/format/snapshot-path.ts';
import { temporaryFolder } from './golden.ts';

const plain = Buffer.alloc(5000, 'what a chunk holds. ');
const digest = chunkDigest(plain);
const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe('a datastore writer', () => {
  it('writes what a datastore reads', async () => {
    await using folder = await temporaryFolder();
    const writer = new DatastoreWriter(join(folder.path, 'store'));
    const snapshot = parseSnapshotPath('vm/100/2026-02-16T16:30:44Z');
    const index = encodeFixedIndex({ size: 5000, chunkSize: 8192, digests: Buffer.from(digest, 'hex'), ctime: 1 });
    writer.writeChunk(digest, encodeBlobParts(plain));
    writer.createGroup(snapshot, 'root@pam');
    writer.createSnapshot(snapshot);
    writer.writeArchive(snapshot, 'drive-scsi0.img.fidx', index);
    const csum = chunkDigest(Buffer.from(digest, 'hex'));
    const files = [{ filename: 'drive-scsi0.img.fidx', cryptMode: 'none', size: 5000, csum }] as const;
    writer.writeManifest({ snapshot, files, unprotected: {} });

    const datastore = await openDatastore(writer.path);
    const read = await datastore.readIndex('vm/100/2026-02-16T16:30:44Z', 'drive-scsi0.img');
    assert.equal(read.digestAt(0), digest);
    assert.deepEqual(Buffer.from(decodeBlob(await datastore.readChunk(digest), { maxPlainBytes: 5000 })), plain);
    assert.deepEqual(
      (await datastore.listSnapshots()).map(({ owner }) => owner),
      ['root@pam'],
    );
  });

  it('gives the modes that PBS checks, whatever the umask', async () => {
    await using folder = await temporaryFolder();
    const writer = new DatastoreWriter(join(folder.path, 'store'));
    writer.writeChunk(digest, encodeBlobParts(plain));
    const path = (...parts: string[]): string => join(writer.path, ...parts);
    assert.equal(await modeOf(writer.path), 0o755);
    assert.equal(await modeOf(path('.chunks')), 0o750);
    assert.equal(await modeOf(path('.chunks', digest.slice(0, 4))), 0o750);
    assert.equal(await modeOf(path('.lock')), 0o644);
    assert.equal(await modeOf(path('.chunks', digest.slice(0, 4), digest)), 0o644);
  });

  it('makes only the chunk folders that are needed and leaves no temporary files', async () => {
    await using folder = await temporaryFolder();
    const writer = new DatastoreWriter(folder.path);
    writer.writeChunk(digest, encodeBlobParts(plain), { modifiedAt: 1_770_000_000 });
    assert.deepEqual(await readdir(join(folder.path, '.chunks')), [digest.slice(0, 4)]);
    assert.deepEqual(await readdir(join(folder.path, '.chunks', digest.slice(0, 4))), [digest]);
    assert.equal((await stat(join(folder.path, '.chunks', digest.slice(0, 4), digest))).mtimeMs, 1_770_000_000_000);
  });

  it('keeps a chunk that is there, unless it is empty or longer (spec 8.3)', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, '.chunks', digest.slice(0, 4), digest);
    const long = encodeBlobParts(plain, { compress: false });
    const short = encodeBlobParts(plain);
    assert.equal(new DatastoreWriter(folder.path).writeChunk(digest, long), true);
    await utimes(path, 1, 1);
    assert.equal(new DatastoreWriter(folder.path).writeChunk(digest, long), false);
    assert.equal((await stat(path)).mtimeMs, 1000);
    assert.equal(new DatastoreWriter(folder.path).writeChunk(digest, short), true);
    assert.equal(new DatastoreWriter(folder.path).writeChunk(digest, long), false);
    assert.equal((await stat(path)).size, encodeBlob(plain).length);
    await writeFile(path, '');
    assert.equal(new DatastoreWriter(folder.path).writeChunk(digest, long), true);
  });

  it('writes nothing outside of the datastore', async () => {
    await using folder = await temporaryFolder();
    const writer = new DatastoreWriter(join(folder.path, 'store'));
    const parts = encodeBlobParts(plain);
    for (const bad of ['../../../x', 'A'.repeat(64), ''])
      assert.throws(() => writer.writeChunk(bad, parts), { code: 'digest' });
    const snapshot = { type: 'vm', id: '..', time: 1 } as const;
    assert.throws(() => writer.createGroup(snapshot, 'root@pam'), { code: 'snapshot-path' });
    assert.throws(() => writer.createSnapshot(snapshot), { code: 'snapshot-path' });
    assert.throws(() => writer.writeArchive({ ...snapshot, id: '1' }, '../x.blob', plain), { code: 'archive-name' });
    assert.deepEqual(await readdir(folder.path), ['store']);
  });
});
