import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';

import { ChunkConflict, ChunkStore } from '../../../src/pbs/datastore/chunk-store.ts';
import { DurableFiles } from '../../../src/pbs/datastore/durable-files.ts';
import { systemFiles } from '../../../src/pbs/datastore/file-port.ts';
import type { BlobKind } from '../../../src/pbs/format/blob.ts';
import { magics } from '../../../src/pbs/format/magic.ts';

const digest = 'ab'.repeat(32);

let base: string;
let store: ChunkStore;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'restorelab-chunks-'));
  mkdirSync(join(base, '.chunks'));
  store = new ChunkStore(base, new DurableFiles(systemFiles));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const folder = (): string => join(base, '.chunks', 'abab');
const file = (): string => join(folder(), digest);

/** Bytes that begin as a blob of that kind does. */
const blob = (kind: BlobKind, bytes: number, fill = 'x'): Buffer =>
  Buffer.concat([Buffer.from(magics[kind], 'hex'), Buffer.alloc(bytes - 8, fill)]);

const insert = async (kind: BlobKind, bytes: number, fill?: string): Promise<string> => {
  const { isDuplicate, encodedBytes } = await store.insert(digest, kind, blob(kind, bytes, fill));
  return `${isDuplicate ? 'kept' : 'written'} ${encodedBytes}`;
};

describe('a chunk that is put into a datastore', () => {
  it('is written once, with the modes of PBS', async () => {
    assert.equal(await insert('plain', 100), 'written 100');
    assert.deepEqual(readdirSync(folder()), [digest]);
    assert.equal(statSync(file()).mode & 0o777, 0o644);
    assert.equal(statSync(folder()).mode & 0o777, 0o750);
  });

  it('is touched where it is there, so that garbage collection spares it', async () => {
    await insert('plain', 100);
    utimesSync(file(), 1000, 2000);
    assert.equal(await insert('plain', 100, 'y'), 'kept 100');
    const { atimeMs, mtimeMs } = statSync(file());
    assert.ok(atimeMs > 1_000_000_000_000, 'the access time is now');
    assert.equal(mtimeMs, 2_000_000);
    assert.ok(readFileSync(file()).equals(blob('plain', 100)));
  });

  it('is replaced by a smaller one, or where it is empty', async () => {
    await insert('plain', 100);
    assert.equal(await insert('zstd', 50), 'written 50');
    assert.equal(await insert('plain', 100), 'kept 50');
    truncateSync(file());
    assert.equal(await insert('plain', 100), 'written 100');
  });

  it('stays where an encrypted one of another length comes, unless one of the two cannot be right', async () => {
    await insert('encrypted', 100);
    assert.equal(await insert('zstd-encrypted', 80), 'kept 100');
    await assert.rejects(insert('encrypted', 90), ChunkConflict);
    rmSync(file());
    await insert('plain', 100);
    await assert.rejects(insert('zstd-encrypted', 90), ChunkConflict);
    assert.equal(statSync(file()).size, 100);
  });

  it('is written once when it comes from several at the same time', async () => {
    const others = Array.from({ length: 8 }, () => new ChunkStore(base, new DurableFiles(systemFiles)));
    const outcomes = await Promise.all(others.map((one) => one.insert(digest, 'plain', blob('plain', 1000))));
    assert.equal(outcomes.filter(({ isDuplicate }) => !isDuplicate).length, 1);
    assert.deepEqual(readdirSync(folder()), [digest]);
  });
});
