import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { DatastoreLocks, type HeldLock, type LockMode } from '../../../src/pbs/lock/datastore-locks.ts';
import { lockName } from '../../../src/pbs/lock/lock-name.ts';

let folder: string;
let base: string;
let group: string;
let snapshot: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'restorelab-locks-'));
  base = join(folder, 'store');
  mkdirSync(base);
  group = join(base, 'vm', '100');
  snapshot = join(group, '2026-02-16T16:30:44Z');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const lockFolder = (): string => join(folder, 'locks');
const lockFiles = (): string[] => readdirSync(lockFolder()).flatMap((name) => readdirSync(join(lockFolder(), name)));

type Holder = ChildProcessByStdio<null, Readable, null>;

function start(mode: LockMode | 'race', ...paths: readonly string[]): Holder {
  const script = fileURLToPath(new URL('holder.ts', import.meta.url));
  return spawn(process.execPath, [script, base, lockFolder(), mode, ...paths], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function told<T>(holder: Holder): Promise<T> {
  const [bytes] = (await once(holder.stdout, 'data')) as [Buffer];
  return JSON.parse(bytes.toString()) as T;
}

async function kill(holder: Holder): Promise<void> {
  const ended = once(holder, 'exit');
  holder.kill('SIGKILL');
  await ended;
}

async function took(locks: DatastoreLocks, path: string, mode: LockMode): Promise<HeldLock> {
  const lock = await locks.tryLock(path, mode);
  assert.ok(lock !== undefined, `${mode} ${path}`);
  return lock;
}

for (const isShared of [false, true]) {
  describe(isShared ? 'locks that several processes know of' : 'locks of one process', () => {
    const make = (): DatastoreLocks => new DatastoreLocks(base, isShared ? { folder: lockFolder() } : {});

    it('are held by many who share or by one alone, each until it is given back', async () => {
      const [one, other] = [make(), make()];
      const shared = [await took(one, snapshot, 'shared'), await took(other, snapshot, 'shared')];
      assert.equal(await other.tryLock(snapshot, 'exclusive'), undefined);
      shared[0]?.release();
      assert.equal(await one.tryLock(snapshot, 'exclusive'), undefined);
      shared[0]?.release();
      assert.equal(await one.tryLock(snapshot, 'exclusive'), undefined, 'giving back twice counts once');
      shared[1]?.release();
      const exclusive = await took(one, snapshot, 'exclusive');
      for (const mode of ['shared', 'exclusive'] as const) {
        assert.equal(await other.tryLock(snapshot, mode), undefined);
        (await took(other, group, mode)).release();
      }
      exclusive.release();
      (await took(other, snapshot, 'exclusive')).release();
    });

    it('are given to one of many who ask at once', async () => {
      const locks = make();
      const asked = await Promise.all(Array.from({ length: 8 }, () => locks.tryLock(group, 'exclusive')));
      assert.equal(asked.filter((lock) => lock !== undefined).length, 1);
      for (const lock of asked) lock?.release();
    });

    it('are those of the datastore, whatever it is called', async () => {
      symlinkSync(base, join(folder, 'link'));
      const lock = await took(make(), snapshot, 'exclusive');
      const options = isShared ? { folder: lockFolder() } : {};
      const byLink = new DatastoreLocks(join(folder, 'link'), options);
      for (const path of [group, join(folder, 'link', 'vm/100')])
        assert.equal(byLink.pathOf(path), make().pathOf(group));
      mkdirSync(join(folder, 'another'));
      const another = new DatastoreLocks(join(folder, 'another'), options);
      (await took(another, join(folder, 'another', 'vm/100/2026-02-16T16:30:44Z'), 'exclusive')).release();
      lock.release();
    });
  });
}

describe('a lock of another process', () => {
  it('excludes, and counts for nothing once that process was killed', async () => {
    const locks = new DatastoreLocks(base, { folder: lockFolder() });
    const other = join(base, 'vm', '101');
    const holder = start('exclusive', group, other);
    assert.deepEqual(await told(holder), [true, true]);
    assert.equal(await locks.tryLock(group, 'exclusive'), undefined);
    assert.equal(await locks.tryLock(group, 'shared'), undefined);
    assert.equal(lockFiles().length, 2);
    await kill(holder);
    (await took(locks, group, 'exclusive')).release();
    assert.equal(lockFiles().length, 1);
    // What nobody asks for any more is removed as well, by the next process.
    (await took(new DatastoreLocks(base, { folder: lockFolder() }), group, 'shared')).release();
    assert.deepEqual(lockFiles(), []);
  });

  it('is shared with one', async () => {
    const locks = new DatastoreLocks(base, { folder: lockFolder() });
    const holder = start('shared', snapshot);
    assert.deepEqual(await told(holder), [true]);
    const mine = await took(locks, snapshot, 'shared');
    mine.release();
    assert.equal(await locks.tryLock(snapshot, 'exclusive'), undefined);
    await kill(holder);
  });

  it('is never held by two at once', async () => {
    const holders = [start('race', group), start('race', group), start('race', group)];
    const counts = await Promise.all(holders.map((holder) => told<{ entered: number; notAlone: number }>(holder)));
    assert.equal(
      counts.reduce((sum, { notAlone }) => sum + notAlone, 0),
      0,
    );
    assert.ok(counts.reduce((sum, { entered }) => sum + entered, 0) > 10, JSON.stringify(counts));
    assert.deepEqual(lockFiles(), []);
  });
});

describe('the name of a lock', () => {
  it('is that of PBS', () => {
    assert.equal(lockName('vm/100'), 'vm-100');
    assert.equal(lockName('vm/100/2025-08-12T10:00:00Z'), String.raw`vm-100-2025\x2d08\x2d12T10\x3a00\x3a00Z`);
  });

  it('is another one for every path, however long', () => {
    const paths = ['vm/100', 'vm-100', 'vm/1/00', 'ä', String.raw`\xc3\xa4`, 'a'.repeat(300), `${'a'.repeat(299)}b`];
    const names = paths.map((path) => lockName(path));
    assert.equal(new Set(names).size, paths.length);
    assert.ok(names.every((name) => name.length < 200 && /^[\w.\\-]+$/u.test(name)));
  });
});
