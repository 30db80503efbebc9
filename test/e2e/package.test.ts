import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import type { Report } from '../../src/model/report.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

await describe('the package that npm pack makes, installed in an empty folder', async () => {
  let folder: string;
  let env: NodeJS.ProcessEnv;
  const restorelab = async (...args: string[]): Promise<string> =>
    (await run(join(folder, 'node_modules/.bin/restorelab'), args, { cwd: folder, env })).stdout;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'restorelab-package-'));
    // The machine's own Node may be older than what the package asks for.
    const path = `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`;
    env = { ...process.env, PATH: path, XDG_CACHE_HOME: join(folder, 'cache'), XDG_STATE_HOME: join(folder, 'state') };
    // npm hands its own settings down to its scripts, where they would point at this checkout.
    for (const name of Object.keys(env))
      if (/^npm_(?:config_local_prefix|package_|lifecycle_)/u.test(name)) delete env[name];
    await run('npm', ['pack', '--pack-destination', folder], { cwd: root, env });
    const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'));
    assert.ok(tarball !== undefined);
    await mkdir(join(folder, 'home'));
    await writeFile(join(folder, 'package.json'), '{ "private": true }');
    await run('npm', ['install', '--no-audit', '--no-fund', join(folder, tarball)], { cwd: folder, env });
  });
  after(async () => await rm(folder, { recursive: true, force: true }));

  test('has compiled code, schemas and scenarios, and neither sources nor a Node.js binary', async () => {
    const installed = join(folder, 'node_modules/restorelab');
    const names = (await readdir(installed, { recursive: true })).toSorted();
    for (const name of [
      'dist/main.js',
      'dist/decode/worker.js',
      'schemas/scenario.schema.json',
      'schemas/report.schema.json',
      'schemas/verify-report.schema.json',
      'scenarios/quickstart.yaml',
      'LICENSE',
      'README.md',
    ]) {
      assert.ok(names.includes(name), name);
    }
    assert.deepEqual(
      names.filter((name) => name.endsWith('.ts') || name.includes('golden') || name.startsWith('test')),
      [],
    );
    assert.deepEqual(
      (await readdir(join(folder, 'node_modules'))).filter((name) => name.startsWith('node-linux')),
      [],
    );
    const { scripts } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    assert.deepEqual(
      Object.keys(scripts).filter((name) => name.includes('install')),
      [],
    );
  });

  test('lists its scenarios and prints its version', async () => {
    assert.match(await restorelab('scenario', 'list'), /^quickstart /mu);
    assert.match(await restorelab('--version'), /^\d+\.\d+\.\d+/u);
  });

  test('runs a scenario with all its processes and threads', async () => {
    await writeFile(
      join(folder, 'small.yaml'),
      'formatVersion: 1\nname: small\nimage: { size: 16 MiB, compressionRatio: 1.5 }\nlink: { roundTrip: 2 ms }\nstorage: { readLatency: 0.5 ms }\n' +
        'strategies: [ { name: sequential }, { name: window-unordered } ]\ntrials: { repeats: 1, warmUp: 0 }\n',
    );
    const report = JSON.parse(await restorelab('run', 'small.yaml', '--json')) as Report;
    const trials = report.cases[0]?.strategies.flatMap((strategy) => strategy.trials) ?? [];
    assert.deepEqual(
      trials.map(({ verified }) => verified),
      [true, true],
    );
  });
});
