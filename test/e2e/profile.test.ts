import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import type { Browser } from 'playwright-core';

import { exitCodes, InterruptedError } from '../../src/model/errors.ts';
import type { HotFunction, ProfileReport } from '../../src/model/profile.ts';
import type { Report } from '../../src/model/report.ts';
import { reportSchema } from '../../src/report/report-schema.ts';
import { launchBrowser } from '../browser.ts';
import { Workbench, type CommandResult } from './workbench.ts';

/** Functions that make plain chunks of encoded ones. */
const DECODING = /src\/decode\/decode-chunk\.ts/u;

/** Where a client's main thread works, whatever its decoder does. */
const ON_MAIN = /src\/pbs\/(?:client|h2|transport)|src\/decode\/(?:decoder-pool|thread-memory)/u;

await describe('restorelab profile', async () => {
  let bench: Workbench;
  let browser: Browser;
  let scenario: string;
  /** For tools that need long for what they collected. */
  let small: string;
  before(async () => {
    bench = await Workbench.open();
    browser = await launchBrowser();
    scenario = await bench.scenario('profiled', [
      'image: { size: 48 MiB, zeroShare: 10 %, compressionRatio: 1.5 }',
      'strategies: [ { name: sequential, decodeThreads: 0 }, { name: window-unordered, inFlight: 4, decodeThreads: 2 } ]',
      'trials: { repeats: 4, warmUp: 1 }',
    ]);
    small = await bench.scenario('small', [
      'image: { size: 16 MiB, zeroShare: 0 %, compressionRatio: 1.0 }',
      'strategies: [ { name: sequential, decodeThreads: 0 } ]',
      'trials: { repeats: 2, warmUp: 0 }',
    ]);
  });
  after(async () => {
    await browser.close();
    await bench[Symbol.asyncDispose]();
  });

  interface Profiled {
    readonly folder: string;
    readonly report: Report;
    readonly profile: ProfileReport;
    readonly result: CommandResult;
  }

  async function folderOf({ stderr }: CommandResult): Promise<string> {
    return /(?:profile: |is in )(?<folder>\/.+)$/mu.exec(stderr)?.groups?.['folder'] ?? assert.fail(stderr);
  }

  async function profile(file: string, ...args: readonly string[]): Promise<Profiled> {
    const result = await bench.command(['profile', file, ...args]);
    assert.equal(result.exitCode, exitCodes.fine, result.stderr);
    const folder = await folderOf(result);
    const report = reportSchema.parse(JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')));
    return { folder, report, profile: report.profile ?? assert.fail('the report has no profile'), result };
  }

  function hot({ hotFunctions }: ProfileReport): readonly HotFunction[] {
    return 'unavailable' in hotFunctions ? assert.fail(hotFunctions.unavailable) : hotFunctions;
  }

  const naming = (found: readonly HotFunction[], name: RegExp): readonly HotFunction[] =>
    found.filter((one) => name.test(`${one.name} ${one.location ?? ''} ${one.caller ?? ''}`));

  async function assertPageOpens(file: string): Promise<void> {
    const page = await browser.newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(pathToFileURL(file).href);
    await page.waitForLoadState('networkidle');
    assert.deepEqual(complaints, [], file);
    assert.deepEqual(
      requests.filter((url) => !/^(?:data|blob|file):/u.test(url)),
      [],
    );
    await page.close();
  }

  test('the inspector covers every thread of the client, and the reports say so and link its files', async () => {
    const { folder, profile: found, report, result } = await profile(scenario, '--strategy', 'window-unordered');
    assert.deepEqual(
      found.files.map(({ path }) => path),
      ['profile/main.cpuprofile', 'profile/decode-worker-1.cpuprofile', 'profile/decode-worker-2.cpuprofile'],
    );
    for (const { path } of found.files) {
      const { nodes } = JSON.parse(await readFile(join(folder, path), 'utf8')) as { nodes: unknown[] };
      assert.ok(nodes.length > 1, path);
    }
    const inThreads = hot(found).filter(({ thread }) => thread === 'decode worker (2 threads)');
    assert.notEqual(naming(inThreads, DECODING).length, 0, JSON.stringify(inThreads));
    const onMain = hot(found).filter(({ thread }) => thread === 'main');
    assert.notEqual(naming(onMain, ON_MAIN).length, 0, JSON.stringify(onMain));
    assert.ok(report.warnings.some(({ code }) => code === 'profiled'));
    assert.match(result.stdout, /^Under inspector, speeds not comparable: /u);
    for (const [file, link] of [
      ['report.html', 'href="profile/main.cpuprofile"'],
      ['report.md', '](profile/main.cpuprofile)'],
    ] as const) {
      const text = await readFile(join(folder, file), 'utf8');
      assert.ok(text.includes(link) && DECODING.test(text), file);
    }
    await assertPageOpens(join(folder, 'report.html'));
  });

  test('the inspector covers the server', async () => {
    const { profile: found } = await profile(scenario, '--process', 'server');
    assert.equal(found.files[0]?.path, 'profile/main.cpuprofile');
    assert.notEqual(naming(hot(found), /src\/pbs\//u).length, 0, JSON.stringify(hot(found)));
  });

  test('0x shows the main thread, also where there are others, in the table and in a page that opens', async () => {
    // After a few restores the hottest functions are still those that load modules.
    const strategy = ['--strategy', 'window-unordered', '--repeats', '20'];
    const { folder, profile: found } = await profile(scenario, '--with', '0x', ...strategy);
    assert.deepEqual(
      found.files.map(({ path }) => path),
      ['profile/flamegraph.html'],
    );
    assert.deepEqual((await readdir(join(folder, 'profile'))).toSorted(), ['flamegraph.html', 'profile.json']);
    assert.match(found.covers, /main thread only/u);
    assert.notEqual(naming(hot(found), ON_MAIN).length, 0, JSON.stringify(hot(found)));
    // Those of a decode thread, whose log V8 writes beside.
    assert.deepEqual(naming(hot(found), /decode-chunk|decode\/worker/u), []);
    const page = join(folder, 'profile', 'flamegraph.html');
    assert.match(await readFile(page, 'utf8'), ON_MAIN);
    await assertPageOpens(page);
  });

  test('clinic-flame names the functions of the main thread, in the table and in a page that opens', async () => {
    const { folder, profile: found } = await profile(scenario, '--with', 'clinic-flame');
    assert.notEqual(naming(hot(found), DECODING).length, 0, JSON.stringify(hot(found)));
    assert.match(found.covers, /main thread only/u);
    const page = join(folder, 'profile', 'clinic-flame.html');
    assert.match(await readFile(page, 'utf8'), DECODING);
    await assertPageOpens(page);
  });

  test('clinic-doctor gives its verdict of the server', async () => {
    const { folder, profile: found, result } = await profile(small, '--with', 'clinic-doctor', '--process', 'server');
    assert.match(found.verdict ?? '', /^Clinic detected /u);
    assert.ok(result.stdout.replaceAll(/\s+/gu, ' ').includes(found.verdict ?? '-'));
    await assertPageOpens(join(folder, 'profile', 'clinic-doctor.html'));
  });

  test('clinic-bubbleprof runs where the main thread decodes', async () => {
    const { folder } = await profile(small, '--with', 'clinic-bubbleprof');
    await assertPageOpens(join(folder, 'profile', 'clinic-bubbleprof.html'));
  });

  test('clinic-bubbleprof is refused where threads decode, before anything runs', async () => {
    const { exitCode, stderr } = await bench.command([
      'profile',
      scenario,
      '--with',
      'clinic-bubbleprof',
      '--strategy',
      'window-unordered',
    ]);
    assert.equal(exitCode, exitCodes.usage);
    assert.match(stderr, /2 decode threads[\s\S]*hint: .*decodeThreads: 0/u);
  });

  test('an interruption ends the client and keeps what was collected', async () => {
    const controller = new AbortController();
    const result = await bench.command(['profile', small, '--with', '0x', '--repeats', '1000'], {
      interrupted: controller.signal,
      onStderr: (text) => {
        if (text.includes('trial ')) controller.abort(new InterruptedError('SIGINT'));
      },
    });
    assert.equal(result.exitCode, exitCodes.interrupted, result.stderr);
    const folder = await folderOf(result);
    const record = JSON.parse(await readFile(join(folder, 'profile', 'profile.json'), 'utf8')) as ProfileReport;
    assert.deepEqual(record.hotFunctions, { unavailable: 'not sampled: the profile was interrupted' });
    assert.ok(record.files.length > 0, 'nothing was kept');
    const run = JSON.parse(await readFile(join(folder, 'run.json'), 'utf8')) as { status: string };
    assert.equal(run.status, 'interrupted');
  });

  test('a strategy or case that is not there is an error of usage', async () => {
    for (const [args, message] of [
      [['--strategy', 'windowed'], /no strategy `windowed`/u],
      [['--case', '2'], /has no case 2[\s\S]*it has one case/u],
      [['--with', 'gdb'], /--with cannot be gdb: it must be one of inspector, 0x/u],
    ] as const) {
      const { exitCode, stderr } = await bench.command(['profile', scenario, ...args]);
      assert.equal(exitCode, exitCodes.usage);
      assert.match(stderr, message);
    }
  });
});
