import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { describe, it } from 'node:test';

import { monotonicClock } from '../../../src/clock/monotonic.ts';
import { DatastoreWriter } from '../../../src/pbs/datastore/datastore-writer.ts';
import { openDatastore, type Datastore } from '../../../src/pbs/datastore/open-datastore.ts';
import type { ArchiveIndex } from '../../../src/pbs/format/archive-index.ts';
import { decodeBlob, encodeBlob, encodeBlobParts } from '../../../src/pbs/format/blob.ts';
import type { CryptConfig } from '../../../src/pbs/format/crypt-config.ts';
import { chunkDigest } from '../../../src/pbs/format/digest.ts';
import { encodeDynamicIndex, parseDynamicIndex } from '../../../src/pbs/format/dynamic-index.ts';
import { encodeFixedIndex, parseFixedIndex } from '../../../src/pbs/format/fixed-index.ts';
import { signManifest } from '../../../src/pbs/format/manifest-signature.ts';
import { canonicalManifest, type Manifest, type ManifestFile } from '../../../src/pbs/format/manifest.ts';
import { parseSnapshotPath } from '../../../src/pbs/format/snapshot-path.ts';
import { verifyDatastore } from '../../../src/verify/verify-datastore.ts';
import { expected, goldenKey, goldenStore, temporaryFolder } from './golden.ts';

const clock = monotonicClock();

/** An archive as it was before it was backed up. */
async function restoredBytes(
  golden: Datastore,
  index: ArchiveIndex,
  key: { readonly crypt?: CryptConfig },
): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for (const { digest, length } of index.slots())
    pieces.push(decodeBlob(await golden.readChunk(digest), { maxPlainBytes: length, ...key }));
  return Buffer.concat(pieces);
}

/** Cuts an archive, of an image by its own rule and of files at the ends that were recorded, and writes it. */
function writeArchive(
  writer: DatastoreWriter,
  plain: Buffer,
  ends: readonly number[] | undefined,
  key: { readonly crypt?: CryptConfig },
): { readonly index: ArchiveIndex; readonly bytes: Uint8Array } {
  const chunkSize = 4 << 20;
  const cuts = ends ?? Array.from({ length: Math.ceil(plain.length / chunkSize) }, (_, slot) => (slot + 1) * chunkSize);
  const entries = cuts.map((end, slot) => {
    const chunk = plain.subarray(cuts[slot - 1] ?? 0, end);
    const digest = chunkDigest(chunk, key.crypt);
    writer.writeChunk(digest, encodeBlobParts(chunk, key));
    return { end, digest };
  });
  if (ends !== undefined) {
    const bytes = encodeDynamicIndex({ entries, ctime: 1 });
    return { bytes, index: parseDynamicIndex(bytes) };
  }
  const digests = Buffer.from(entries.map(({ digest }) => digest).join(''), 'hex');
  const bytes = encodeFixedIndex({ size: plain.length, chunkSize, digests, ctime: 1 });
  return { bytes, index: parseFixedIndex(bytes, key) };
}

describe('what our writer makes of the golden archives', () => {
  for (const [name, { files, owner }] of Object.entries(expected.snapshots)) {
    it(`is ${name} again: checksums, sizes, digests and the manifest with its signature`, async () => {
      await using folder = await temporaryFolder();
      const golden = await openDatastore(goldenStore);
      const crypt = await goldenKey(name);
      const recorded = await golden.readManifest(name);
      const writer = new DatastoreWriter(folder.path);
      const snapshot = parseSnapshotPath(name);
      writer.createGroup(snapshot, owner);
      writer.createSnapshot(snapshot);

      const written: ManifestFile[] = [];
      for (const { filename, cryptMode } of recorded.files) {
        const key = cryptMode === 'encrypt' && crypt !== undefined ? { crypt } : {};
        if (filename.endsWith('.blob')) {
          const stored = await golden.readBlob(name, filename);
          // The IV of an encrypted blob is random.
          const blob = key.crypt === undefined ? encodeBlob(decodeBlob(stored, { maxPlainBytes: 1 << 20 })) : stored;
          writer.writeArchive(snapshot, filename, blob);
          written.push({ filename, cryptMode, size: blob.length, csum: hash('sha256', blob) });
          continue;
        }
        const facts = files[filename];
        const original = await golden.readIndex(name, filename, key);
        const plain = await restoredBytes(golden, original, key);
        const { index, bytes } = writeArchive(writer, plain, facts?.chunk_ends, key);
        assert.deepEqual(
          [index.kind, index.csum, index.size, index.chunkSize, index.slotCount],
          [original.kind, facts?.csum, facts?.size, original.chunkSize, facts?.chunk_count],
        );
        assert.deepEqual([...index.slots()], [...original.slots()]);
        writer.writeArchive(snapshot, filename, bytes);
        written.push({ filename, cryptMode, size: index.size, csum: index.csum });
      }
      const unsigned: Manifest = { snapshot, files: written, unprotected: {} };
      const manifest = crypt === undefined ? unsigned : signManifest(unsigned, crypt);
      writer.writeManifest(manifest);
      assert.equal(canonicalManifest(manifest), canonicalManifest(recorded));
      assert.equal(manifest.signature, recorded.signature);

      // Every chunk is as long and holds the bytes that its digest says: the same as the original.
      const outcome = await verifyDatastore({
        datastore: await openDatastore(folder.path),
        ...(crypt === undefined ? {} : { crypt }),
        readThreads: 1,
        verifyThreads: 0,
        order: 'index',
        clock,
        signal: new AbortController().signal,
      });
      assert.deepEqual([outcome.problems, outcome.withoutKeyCount], [[], 0]);
    });
  }
});
