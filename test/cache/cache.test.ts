import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { DEFAULT_CACHE_LIMIT_BYTES, type Cache, type CacheLease } from '../../src/cache/cache.ts';
import { withCacheLock } from '../../src/cache/cache-lock.ts';
import type { RunningProcesses } from '../../src/cache/running-processes.ts';
import { KnownError } from '../../src/model/errors.ts';
import { temporaryCache } from './temporary-cache.ts';

const withCode = (code: string) => (error: unknown) => error instanceof KnownError && error.code === code;

/** What the entry file itself needs, so that limits can be stated in whole thousands. */
const SLACK = 100;

const acquire = async (cache: Cache, name: string, bytes = 1000, built?: string[]): Promise<CacheLease> =>
  await cache.acquire({
    name,
    expectedBytes: bytes,
    build: async (folder) => {
      built?.push(name);
      await mkdir(join(folder, 'inner'));
      await writeFile(join(folder, 'inner', 'data'), Buffer.alloc(bytes));
    },
  });

const names = async (cache: Cache): Promise<string[]> => (await cache.entries()).map(({ name }) => name).sort();

/** A process with this id that sees only the given ones running. */
const processes = (pid: number, running: readonly number[]): RunningProcesses => ({
  pid,
  isRunning: (other) => running.includes(other),
  leaseLifetimeMs: Number.POSITIVE_INFINITY,
});

describe('a cache', () => {
  it('holds 10 GiB unless told otherwise, and creates nothing before it is used', async () => {
    await using temporary = await temporaryCache();
    assert.equal(temporary.cache.limitBytes, DEFAULT_CACHE_LIMIT_BYTES);
    assert.deepEqual(await temporary.cache.entries(), []);
    assert.deepEqual(await temporary.cache.clear(), { removed: [], kept: [] });
    await assert.rejects(readdir(temporary.folder), { code: 'ENOENT' });
  });

  it('builds an entry once and lists it with its size and last use', async () => {
    await using temporary = await temporaryCache();
    const built: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      using lease = await acquire(temporary.cache, 'one', 1000, built);
      assert.equal((await readFile(join(lease.path, 'inner', 'data'))).length, 1000);
    }
    assert.deepEqual(built, ['one']);
    const [entry] = await temporary.cache.entries();
    assert.equal(entry?.sizeBytes, 1000);
    assert.equal(entry.inUse, false);
    assert.ok(Math.abs(entry.lastUsedAt.getTime() - Date.now()) < 60_000);
  });

  it('removes what was not used for longest until a new entry fits', async () => {
    await using temporary = await temporaryCache({ limitBytes: 3000 + SLACK });
    for (const [name, at] of [
      ['a', 300],
      ['b', 100],
      ['c', 200],
    ] as const) {
      using lease = await acquire(temporary.cache, name);
      await utimes(join(lease.path, '.restorelab-entry.json'), at, at);
    }
    (await acquire(temporary.cache, 'd', 2000))[Symbol.dispose]();
    assert.deepEqual(await names(temporary.cache), ['a', 'd']);
  });

  it('counts being taken again as use', async () => {
    await using temporary = await temporaryCache({ limitBytes: 2000 + SLACK });
    for (const [name, at] of [
      ['a', 100],
      ['b', 200],
    ] as const) {
      using lease = await acquire(temporary.cache, name);
      await utimes(join(lease.path, '.restorelab-entry.json'), at, at);
    }
    (await acquire(temporary.cache, 'a'))[Symbol.dispose]();
    (await acquire(temporary.cache, 'c'))[Symbol.dispose]();
    assert.deepEqual(await names(temporary.cache), ['a', 'c']);
  });

  it('never removes what is in use', async () => {
    await using temporary = await temporaryCache({ limitBytes: 2000 });
    const lease = await acquire(temporary.cache, 'a');
    (await acquire(temporary.cache, 'b'))[Symbol.dispose]();
    (await acquire(temporary.cache, 'c'))[Symbol.dispose]();
    assert.deepEqual(await names(temporary.cache), ['a', 'c']);
    await assert.rejects(acquire(temporary.cache, 'd', 1001), withCode('cache-too-small'));
    const { removed, kept } = await temporary.cache.clear();
    assert.deepEqual([removed.map(({ name }) => name), kept.map(({ name }) => name)], [['c'], ['a']]);
    lease[Symbol.dispose]();
    await temporary.cache.clear();
    assert.deepEqual(await names(temporary.cache), []);
  });

  it('refuses what can never fit before it is built', async () => {
    await using temporary = await temporaryCache({ limitBytes: 1000 });
    const built: string[] = [];
    await assert.rejects(acquire(temporary.cache, 'a', 1001, built), withCode('cache-too-small'));
    assert.deepEqual(built, []);
  });

  it('leaves nothing of an entry whose building failed', async () => {
    await using temporary = await temporaryCache();
    const failure = new Error('failed');
    const build = async (folder: string): Promise<void> => {
      await writeFile(join(folder, 'half'), 'x');
      throw failure;
    };
    await assert.rejects(temporary.cache.acquire({ name: 'a', expectedBytes: 1, build }), (error) => error === failure);
    assert.deepEqual(await temporary.cache.entries(), []);
    assert.deepEqual(await readdir(join(temporary.folder, 'building')), []);
  });

  it('says in which folder this machine stands in the way', async () => {
    await using temporary = await temporaryCache();
    const build = async (): Promise<void> => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    };
    await assert.rejects(temporary.cache.acquire({ name: 'a', expectedBytes: 1, build }), (error) => {
      return withCode('machine-enospc')(error) && (error as Error).message.includes(temporary.folder);
    });
    assert.deepEqual(await readdir(join(temporary.folder, 'building')), []);
    await using blocked = await temporaryCache();
    await writeFile(blocked.folder, 'a file where the folder should be');
    await assert.rejects(
      acquire(blocked.cache, 'a'),
      (error) => error instanceof KnownError && error.message.includes(blocked.folder),
    );
  });

  it('gives the same whole entry to all that build it at once', async () => {
    await using temporary = await temporaryCache();
    const leases = await Promise.all(Array.from({ length: 8 }, async () => await acquire(temporary.cache, 'a')));
    assert.equal(new Set(leases.map(({ path }) => path)).size, 1);
    for (const { path } of leases) assert.equal((await readFile(join(path, 'inner', 'data'))).length, 1000);
    assert.deepEqual(await readdir(join(temporary.folder, 'building')), []);
    leases[0]?.[Symbol.dispose]();
    assert.equal((await temporary.cache.entries())[0]?.inUse, true, 'one lease given back, seven held');
  });

  it('refuses names that are paths', async () => {
    await using temporary = await temporaryCache();
    for (const name of ['', '../a', 'a.b', 'A']) await assert.rejects(acquire(temporary.cache, name), RangeError);
  });
});

describe('a cache shared by processes', () => {
  it('respects leases of those that run, and forgets those of the dead', async () => {
    await using temporary = await temporaryCache({ processes: processes(10, [10, 20]) });
    await acquire(temporary.cache, 'a');
    const living = temporary.another({ processes: processes(20, [10, 20]) });
    const survivor = temporary.another({ processes: processes(20, [20]) });
    await living.clear();
    assert.deepEqual(await names(living), ['a']);
    await survivor.clear();
    assert.deepEqual(await names(survivor), []);
  });

  it('sees a real process that holds a lease, until it is killed', async () => {
    await using temporary = await temporaryCache();
    const script = `
      import { Cache } from ${JSON.stringify(new URL('../../src/cache/cache.ts', import.meta.url).href)};
      const cache = new Cache(${JSON.stringify(temporary.folder)});
      await cache.acquire({ name: 'a', expectedBytes: 1, build: async () => {} });
      await cache.acquire({ name: 'b', expectedBytes: 1, build: () => { process.kill(process.pid, 'SIGKILL'); } });`;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
    assert.equal(child.signal, 'SIGKILL', child.stderr.toString());
    assert.equal((await readdir(join(temporary.folder, 'building'))).length, 1);
    assert.equal((await temporary.cache.entries())[0]?.inUse, false);
    await temporary.cache.clear();
    for (const folder of ['entries', 'leases', 'building'])
      assert.deepEqual(await readdir(join(temporary.folder, folder)), []);
  });

  it('counts what is being built against the limit', async () => {
    await using temporary = await temporaryCache({ limitBytes: 3000 + SLACK });
    const { promise: building, resolve: begun } = Promise.withResolvers<void>();
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
    const first = temporary.cache.acquire({
      name: 'first',
      expectedBytes: 2000,
      build: async (folder) => {
        begun();
        await mayEnd;
        await writeFile(join(folder, 'data'), Buffer.alloc(2000));
      },
    });
    await building;
    await assert.rejects(acquire(temporary.cache, 'second', 2000), withCode('cache-too-small'));
    (await acquire(temporary.cache, 'third', 1000))[Symbol.dispose]();
    end();
    (await first)[Symbol.dispose]();
    (await acquire(temporary.cache, 'second', 2000))[Symbol.dispose]();
    assert.deepEqual(await names(temporary.cache), ['second']);
    assert.deepEqual(await readdir(join(temporary.folder, 'reserved')), []);
  });

  it('puts back a lock that another process has taken over first', async () => {
    await using temporary = await temporaryCache();
    const lock = join(temporary.folder, 'lock');
    await mkdir(temporary.folder, { recursive: true });
    await writeFile(lock, '999 gone');
    let looks = 0;
    const slow: RunningProcesses = {
      pid: 10,
      // Between the look at the lock and its removal, process 20 finds the same and is faster.
      isRunning: (pid) => {
        if (pid === 999 && looks++ === 0) writeFileSync(lock, '20 busy');
        return pid !== 999;
      },
      leaseLifetimeMs: Number.POSITIVE_INFINITY,
    };
    let isDone = false;
    const locked = withCacheLock(lock, slow, async () => (isDone = true));
    await sleep(200);
    assert.deepEqual([await readFile(lock, 'utf8'), isDone], ['20 busy', false]);
    await rm(lock);
    assert.equal(await locked, true);
    assert.deepEqual(await readdir(temporary.folder), []);
  });

  it('takes over the lock of a process that is gone, and waits for one that runs', async () => {
    await using temporary = await temporaryCache({ processes: processes(10, [10, 20]) });
    await mkdir(temporary.folder);
    await writeFile(join(temporary.folder, 'lock'), '999 gone');
    (await acquire(temporary.cache, 'a'))[Symbol.dispose]();
    await assert.rejects(readFile(join(temporary.folder, 'lock')), { code: 'ENOENT' });
    await writeFile(join(temporary.folder, 'lock'), '20 busy');
    let isDone = false;
    const waiting = acquire(temporary.cache, 'a').then((lease) => {
      isDone = true;
      lease[Symbol.dispose]();
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(isDone, false);
    await writeFile(join(temporary.folder, 'lock'), '999 gone');
    await waiting;
  });

  it('does not take an entry that is not whole', async () => {
    await using temporary = await temporaryCache();
    await mkdir(join(temporary.folder, 'entries', 'a'), { recursive: true });
    await writeFile(join(temporary.folder, 'entries', 'a', 'half'), 'x');
    const built: string[] = [];
    using lease = await acquire(temporary.cache, 'a', 10, built);
    assert.deepEqual(built, ['a']);
    assert.deepEqual((await readdir(lease.path)).sort(), ['.restorelab-entry.json', 'inner']);
  });
});
