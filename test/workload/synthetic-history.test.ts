import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { KiB, MiB } from '../../src/model/units.ts';
import type { ArchiveIndex } from '../../src/pbs/format/archive-index.ts';
import { openDatastore } from '../../src/pbs/datastore/open-datastore.ts';
import { CryptConfig } from '../../src/pbs/format/crypt-config.ts';
import { FixedIndex } from '../../src/pbs/format/fixed-index.ts';
import { generateDatastore } from '../../src/workload/generate-datastore.ts';
import { SyntheticHistory } from '../../src/workload/synthetic-history.ts';
import { WORKLOAD_ARCHIVE } from '../../src/workload/workload.ts';

const image = {
  sizeBytes: 41 * MiB + 5 * KiB,
  zeroShare: 0.3,
  repeatedShare: 0.2,
  compressionRatio: 2,
  seed: 'synthetic history',
};
const history = { depth: 3, changeRate: 0.2 };
const { signal } = new AbortController();

function digestList(index: ArchiveIndex): string[] {
  assert.ok(index instanceof FixedIndex);
  return [...index.slots()].map(({ digest }) => digest);
}

const digestsOf = (from: SyntheticHistory, backup: number): string[] => {
  const { slotCount, chunk } = from.backup(backup);
  return Array.from({ length: slotCount }, (_, slot) => chunk(slot).digest);
};

test('its backups are those that a generated datastore holds', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'restorelab-history-'));
  try {
    await generateDatastore({ path: join(folder, 'store'), image, history, chunks: 'files', signal });
    const store = await openDatastore(join(folder, 'store'));
    const [group] = await store.listSnapshots();
    const synthetic = new SyntheticHistory(image, history);
    assert.equal(group?.snapshots.length, history.depth);
    for (const [backup, { name }] of (group?.snapshots ?? []).entries()) {
      const index = await store.readIndex(name, WORKLOAD_ARCHIVE);
      assert.deepEqual(digestsOf(synthetic, backup), digestList(index));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the bytes of a chunk are those of its digest, whatever was asked for before', () => {
  const synthetic = new SyntheticHistory(image, history);
  for (const backup of [2, 0]) {
    const { slotCount, chunk, sizeBytes } = synthetic.backup(backup);
    let bytes = 0;
    for (let slot = 0; slot < slotCount; slot += 1) {
      const { digest, plain } = chunk(slot);
      bytes += plain().length;
      assert.equal(hash('sha256', plain()), digest);
    }
    assert.equal(bytes, sizeBytes);
  }
});

test('under a key the digests are those of the key', () => {
  const crypt = new CryptConfig(Buffer.alloc(32, 1));
  const { chunk, slotCount } = new SyntheticHistory(image, history, crypt).backup(0);
  for (let slot = 0; slot < slotCount; slot += 1) assert.equal(chunk(slot).digest, crypt.digest(chunk(slot).plain()));
});

test('what an index says is taken where it can be true, and nothing of it where it cannot', () => {
  const right = digestsOf(new SyntheticHistory(image, history), 1);
  const learned = new SyntheticHistory(image, history);
  assert.ok(learned.learn(1, (slot) => right[slot] ?? ''));
  assert.deepEqual(digestsOf(learned, 1), right);
  const other = digestsOf(new SyntheticHistory({ ...image, seed: 'other' }, history), 1);
  const misled = new SyntheticHistory(image, history);
  assert.ok(!misled.learn(1, (slot) => other[slot] ?? ''));
  assert.deepEqual(digestsOf(misled, 1), right);
});
