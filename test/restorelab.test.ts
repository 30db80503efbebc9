import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { exitCodes } from '../src/model/errors.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Ended {
  readonly exitCode: number;
  readonly stderr: string;
}

await test(
  'a start ends where the folder for compiled code cannot be made, and makes it elsewhere',
  { timeout: 30_000 },
  async () => {
    const place = await mkdtemp(join(tmpdir(), 'restorelab-start-'));
    try {
      for (const XDG_CACHE_HOME of ['/proc/restorelab', join(place, 'not', 'yet')]) {
        const { NODE_COMPILE_CACHE: _, ...others } = process.env;
        const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'src/restorelab.js'), '--version'], {
          env: { ...others, XDG_CACHE_HOME },
          timeout: 10_000,
          killSignal: 'SIGKILL',
        });
        assert.match(stdout, /^\d/u);
      }
      assert.deepEqual(await readdir(join(place, 'not', 'yet')), ['restorelab-code']);
    } finally {
      await rm(place, { recursive: true, force: true });
    }
  },
);

await describe('the start in a checkout whose packages are not all there', async () => {
  let checkout: string;
  before(async () => {
    checkout = await mkdtemp(join(tmpdir(), 'restorelab-start-'));
    await cp(join(root, 'src'), join(checkout, 'src'), { recursive: true });
    await cp(join(root, 'package.json'), join(checkout, 'package.json'));
    await mkdir(join(checkout, 'node_modules'));
  });
  after(async () => await rm(checkout, { recursive: true, force: true }));

  const run = async (...args: readonly string[]): Promise<Ended> =>
    await new Promise((resolve) => {
      const env = { ...process.env, NODE_COMPILE_CACHE: join(checkout, 'compiled') };
      const child = execFile(
        process.execPath,
        [join(checkout, 'src/restorelab.js'), ...args],
        { env },
        (_, __, stderr) => resolve({ exitCode: child.exitCode ?? -1, stderr }),
      );
    });

  test('names the package that is missing and the fix, at once or when a command needs it', async () => {
    const { exitCode, stderr } = await run('--version');
    assert.equal(exitCode, exitCodes.machine);
    assert.match(stderr, /^restorelab: its package yargs is not installed\nhint: run `npm ci`/u);
    for (const name of ['yargs', 'zod'])
      await symlink(join(root, 'node_modules', name), join(checkout, 'node_modules', name));
    assert.deepEqual(await run('--version'), { exitCode: exitCodes.fine, stderr: '' });
    const late = await run('report', '.');
    assert.equal(late.exitCode, exitCodes.machine);
    assert.match(late.stderr, /^restorelab: its package [\w-]+ is not installed\nhint: run `npm ci`/u);
  });
});
