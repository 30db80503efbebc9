import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';

import { exitCodes } from '../../src/model/errors.ts';
import type { Report } from '../../src/model/report.ts';
import { DatastoreWriter } from '../../src/pbs/datastore/datastore-writer.ts';
import { serveDatastore } from './serve-datastore.ts';
import { Workbench } from './workbench.ts';

const isRoot = process.getuid?.() === 0;

await describe('a full disk', { skip: isRoot ? false : 'needs root: it mounts small file systems' }, async () => {
  let bench: Workbench;
  const mounted: string[] = [];
  before(async () => {
    bench = await Workbench.open();
  });
  after(async () => {
    for (const folder of mounted) execFileSync('umount', [folder]);
    await bench[Symbol.asyncDispose]();
  });

  /** A file system of its own that holds so much and no more. */
  async function smallDisk(name: string, size: string): Promise<string> {
    const folder = join(bench.folder, name);
    await mkdir(folder);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
    mounted.push(folder);
    return folder;
  }

  test('at the target fails the trials: exit 3, and the error names the file', async () => {
    const disk = await smallDisk('target', '8m');
    const file = await bench.scenario('full-target', [
      `target: { kind: file, path: "${disk}/restored.img" }`,
      'strategies: [ { name: window-unordered } ]',
      'trials: { repeats: 1, warmUp: 0 }',
    ]);
    const { exitCode, stdout, stderr } = await bench.command(['run', file, '--json']);
    assert.equal(exitCode, exitCodes.trials, stderr);
    const trial = (JSON.parse(stdout) as Report).cases[0]?.strategies[0]?.trials[0];
    assert.equal(trial?.status, 'failed');
    assert.match(trial?.error?.message ?? '', /restored\.img.*(no space|ENOSPC)|(no space|ENOSPC).*restored\.img/iu);
  });

  test('at the cache stops the run: exit 5, and the error names the folder and the remedy', async () => {
    const disk = await smallDisk('full-cache', '8m');
    const file = await bench.scenario('full-cache', [
      'image: { size: 32 MiB, compressionRatio: 1.0 }',
      'strategies: [ { name: sequential } ]',
    ]);
    bench.env['XDG_CACHE_HOME'] = disk;
    try {
      const { exitCode, stderr } = await bench.command(['run', file]);
      assert.equal(exitCode, exitCodes.machine, stderr);
      assert.ok(stderr.includes(disk), stderr);
      assert.match(stderr, /hint: .*space/u);
    } finally {
      bench.env['XDG_CACHE_HOME'] = join(bench.folder, 'cache');
    }
  });

  test('at the reports stops the run: exit 5, and what was saved before can be read', async () => {
    const disk = await smallDisk('full-reports', '64k');
    const file = await bench.scenario('full-reports', [
      'strategies: [ { name: window-unordered } ]',
      'trials: { repeats: 30, warmUp: 0 }',
    ]);
    const { exitCode, stderr } = await bench.command(['run', file, '--out', disk]);
    assert.equal(exitCode, exitCodes.machine, stderr);
    assert.ok(stderr.includes(disk), stderr);
  });

  test('or a file where the reports should go is said before the first trial', async () => {
    await writeFile(join(bench.folder, 'occupied'), '');
    const file = await bench.scenario('no-reports', ['strategies: [ { name: sequential } ]']);
    for (const out of ['occupied', 'occupied/below']) {
      const { exitCode, stderr } = await bench.command(['run', file, '--out', out]);
      assert.equal(exitCode, exitCodes.machine, stderr);
      assert.doesNotMatch(stderr, /trial 1/u);
      assert.match(stderr, /hint: /u);
    }
  });

  test('at a served datastore refuses the backup: exit 4, nothing of it is left, and the server goes on', async () => {
    const disk = await smallDisk('served', '24m');
    void new DatastoreWriter(disk);
    await using _server = await serveDatastore(bench, { store: 'tank', path: disk, secret: 'secret' });
    const full = await bench.command(['seed', '--size', '64 MiB', '--compression-ratio', '1']);
    assert.equal(full.exitCode, exitCodes.server, full.stderr);
    assert.match(full.stderr, /disk is full[\s\S]*os error 28[\s\S]*hint: free space/u);
    await gone(join(disk, 'vm', 'restorelab-seed'));
    // What was uploaded whole stays for the garbage collection; a backup that needs next to nothing still fits.
    const verified = await bench.command(['verify', disk]);
    assert.equal(verified.exitCode, exitCodes.fine, verified.stdout + verified.stderr);
    const small = await bench.command(['seed', '--size', '8 MiB', '--zero-share', '100 %']);
    assert.equal(small.exitCode, exitCodes.fine, small.stderr);
  });
});

/** Waits until nothing is there any more. */
async function gone(path: string): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(20)) if (!existsSync(path)) return;
  throw new Error(`${path} is still there`);
}
