import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { cp, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { exitCodes } from '../../src/model/errors.ts';
import type { Report } from '../../src/model/report.ts';
import { goldenFolder, goldenStore } from '../pbs/datastore/golden.ts';
import { serveDatastore } from './serve-datastore.ts';
import { reportOf, Workbench, type CommandResult } from './workbench.ts';

const SECRET = 'planted-secret-of-a-real-server';
const image = 'snapshot: "vm/100/2026-02-16T16:30:44Z", archive: drive-scsi0';
const quick = 'trials: { repeats: 1, warmUp: 0 }';

await describe('a run against a server that only its environment opens', async () => {
  const resources = new AsyncDisposableStack();
  let bench: Workbench;

  before(async () => {
    bench = resources.use(await Workbench.open());
    await cp(goldenStore, join(bench.folder, 'store'), { recursive: true });
    resources.use(await serveDatastore(bench, { store: 'golden', path: join(bench.folder, 'store'), secret: SECRET }));
  });
  after(async () => await resources.disposeAsync());

  const run = async (
    name: string,
    ...lines: readonly string[]
  ): Promise<CommandResult & { readonly report: Report }> => {
    const result = await bench.command(['run', await bench.scenario(name, [...lines, quick]), '--json']);
    assert.ok(!`${result.stdout}${result.stderr}`.includes(SECRET));
    return { ...result, report: reportOf(result) };
  };

  test('every strategy restores the image, proven by its digests, and what cannot be known says why', async () => {
    const names = ['sequential', 'concurrent', 'window-unordered', 'window-ordered', 'multi-connection', 'adaptive'];
    const { exitCode, report, stderr } = await run(
      'every',
      `server: { kind: pbs, ${image} }`,
      'strategies:',
      ...names.map((name) => `  - { name: ${name} }`),
    );
    assert.equal(exitCode, exitCodes.fine, stderr);
    assert.equal(report.mode, 'real');
    const [found] = report.cases;
    assert.ok(found !== undefined);
    assert.equal(found.strategies.length, names.length);
    for (const { label, trials, throughput, cpuSecondsPerGb } of found.strategies) {
      assert.equal(trials[0]?.verified, true, label);
      assert.equal(trials[0]?.proof, 'sha256-per-chunk', label);
      assert.ok((throughput.wire?.medianBytesPerSecond ?? 0) > 0, label);
      assert.ok('unavailable' in cpuSecondsPerGb.server && /another machine/u.test(cpuSecondsPerGb.server.unavailable));
      assert.ok('value' in cpuSecondsPerGb.client);
    }
    assert.equal(found.server?.maxInFlight, 16);
    assert.match(found.server.version, /^\d/u);
    assert.deepEqual(found.link, { asked: {} });
    const client = found.verdict.evidence.find(({ name }) => name === 'all cores, most by the client');
    assert.ok(client !== undefined && 'value' in client.measured);
    const storage = found.use.find(({ resource }) => resource === 'storage of the server');
    assert.ok(storage !== undefined && 'unavailable' in storage.utilization);
    assert.ok(!found.use.some(({ resource }) => /relay|emulator/u.test(resource)));
  });

  test('an encrypted image is restored with its key, and a file is read back and held against the digests', async () => {
    const { exitCode, report, stderr } = await run(
      'encrypted',
      `server: { kind: pbs, snapshot: "vm/200/2026-02-14T17:26:40Z", archive: drive-scsi0, keyFile: ${join(goldenFolder, 'key-golden.json')} }`,
      'target: { kind: file, path: restored.raw }',
      'strategies: [{ name: window-unordered, decodeThreads: 0 }]',
    );
    assert.equal(exitCode, exitCodes.fine, stderr);
    assert.equal(report.cases[0]?.strategies[0]?.trials[0]?.verified, true);
  });

  test('an archive of files is restored as its stream, a sample of it too', async () => {
    for (const sample of ['', ', sample: 1 MiB']) {
      const { exitCode, report, stderr } = await run(
        'files',
        `server: { kind: pbs, snapshot: "host/anchor/2026-02-13T19:26:40Z", archive: root.pxar${sample} }`,
        'target: { kind: file, path: stream.pxar }',
        'strategies: [{ name: sequential }, { name: window-unordered }]',
      );
      assert.equal(exitCode, exitCodes.fine, stderr);
      for (const { trials } of report.cases[0]?.strategies ?? []) assert.equal(trials[0]?.verified, true, sample);
    }
  });

  test('a sample is restored and named as one; a reference proves by checksums; a rate of our own leaves the link unnamed', async () => {
    const { exitCode, report, stderr } = await run(
      'sample',
      `server: { kind: pbs, ${image}, sample: 8 MiB, proof: reference, maxRate: 20 MB/s, maxInFlight: 2 }`,
      'strategies: [{ name: window-unordered }]',
    );
    assert.equal(exitCode, exitCodes.fine, stderr);
    const [{ image: facts, strategies, verdict, server: facts2 } = { strategies: [] }] = report.cases;
    assert.ok((facts?.sizeBytes ?? 0) <= 8 * 1024 ** 2 && facts?.sampleOf?.sampling === 'spread');
    assert.equal(strategies[0]?.knobs['inFlight'], 2);
    assert.equal(strategies[0]?.trials[0]?.verified, true);
    assert.equal(facts2?.maxRateBytesPerSecond, 20_000_000);
    assert.notEqual(verdict?.code, 'link');
    const link = verdict?.evidence.find(({ name }) => name.startsWith('link'));
    assert.ok(link !== undefined && 'unavailable' in link.measured && /maxRate/u.test(link.measured.unavailable));
    assert.ok(report.warnings.some(({ code }) => code === 'sample'));
    assert.ok(report.warnings.some(({ code }) => code === 'rate-limited'));
  });

  test('a snapshot that is removed while the run reads it fails the trials that follow, with its name', async () => {
    const folder = join(bench.folder, 'store/vm/100/2026-02-15T16:29:43Z');
    const file = await bench.scenario('removed', [
      'server: { kind: pbs, snapshot: "vm/100/2026-02-15T16:29:43Z", archive: drive-scsi0, maxRate: 2 MB/s }',
      'strategies: [{ name: sequential }]',
      'trials: { repeats: 3, warmUp: 0 }',
    ]);
    const running = bench.command(['run', file, '--json']);
    while (globSync('reports/*-removed/trials/0000.json', { cwd: bench.folder }).length === 0) await sleep(10);
    await rename(folder, `${folder}-gone`);
    const { exitCode, stdout, stderr } = await running;
    assert.equal(exitCode, exitCodes.trials, stderr);
    const trials = (JSON.parse(stdout) as Report).cases[0]?.strategies[0]?.trials ?? [];
    assert.equal(trials[0]?.verified, true);
    assert.deepEqual([trials[2]?.status, trials[2]?.error?.code], ['failed', 'snapshot-removed']);
    assert.match(trials[2]?.error?.message ?? '', /2026-02-15T16:29:43Z was removed from the server/u);
    const again = await bench.command(['run', file]);
    assert.equal(again.exitCode, exitCodes.usage, again.stderr);
    assert.match(again.stderr, /no snapshot vm\/100\/2026-02-15T16:29:43Z/u);
    assert.match(again.stderr, /in a scenario: server\.namespace/u);
  });

  test('a plan says what will be asked of the server, and profiles are left to the lab', async () => {
    const file = await bench.scenario('planned', [`server: { kind: pbs, ${image}, sample: 8 MiB }`, quick]);
    const plan = await bench.command(['run', file, '--dry-run']);
    assert.equal(plan.exitCode, exitCodes.fine, plan.stderr);
    assert.match(plan.stdout, /16 requests at a time, one restore at a time/u);
    assert.match(plan.stdout, /8 MiB of it, spread/u);
    assert.doesNotMatch(plan.stdout, /round trip/u);
    const profile = await bench.command(['profile', file]);
    assert.equal(profile.exitCode, exitCodes.usage, profile.stderr);
    assert.match(profile.stderr, /real server/u);
  });

  test('what opens no server ends the run with its cause', async () => {
    const scenario = await bench.scenario('closed', [`server: { kind: pbs, ${image} }`, quick]);
    for (const [env, code, words] of [
      [{ PBS_PASSWORD: 'wrong' }, exitCodes.server, /password/u],
      [{ PBS_PASSWORD: '' }, exitCodes.usage, /no password/u],
      [{ PBS_REPOSITORY: 'root@pam@127.0.0.1:1:golden' }, exitCodes.server, /127\.0\.0\.1:1/u],
      [{ PBS_REPOSITORY: '' }, exitCodes.usage, /no repository/u],
    ] as const) {
      const before = { ...bench.env };
      Object.assign(bench.env, env);
      const { exitCode, stderr } = await bench.command(['run', scenario]);
      Object.assign(bench.env, before);
      assert.equal(exitCode, code, stderr);
      assert.match(stderr, words);
    }
  });
});
