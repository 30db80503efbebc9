import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { exitCodes } from '../../src/model/errors.ts';
import type { Report } from '../../src/model/report.ts';
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
});
