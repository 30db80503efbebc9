import assert from 'node:assert/strict';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { exitCodes } from '../../src/model/errors.ts';
import type { RunRecord } from '../../src/model/records.ts';
import type { Report } from '../../src/model/report.ts';
import { reportSchema } from '../../src/report/report-schema.ts';
import { reportOf, Workbench, type CommandResult } from './workbench.ts';

const allStrategies =
  '[ { name: sequential }, { name: concurrent }, { name: window-unordered }, { name: ordered-async } ]';

await describe('a run', async () => {
  let bench: Workbench;
  let result: CommandResult;
  let report: Report;
  let directory: string;
  before(async () => {
    bench = await Workbench.open();
    const file = await bench.scenario('small', [
      'link: { roundTrip: 4 ms, rate: 2.5 Gbit/s }',
      `strategies: ${allStrategies}`,
      'trials: { repeats: 2, warmUp: 1 }',
      'objectives: [ "window-unordered.throughput.data >= 1 kB/s" ]',
    ]);
    result = await bench.command(['run', file, '--json']);
    report = reportOf(result);
    directory = join(bench.folder, 'reports', (await readdir(join(bench.folder, 'reports')))[0] ?? '');
  });
  after(async () => await bench[Symbol.asyncDispose]());

  test('prints report.json and nothing else on stdout, and it follows its schema', async () => {
    assert.equal(result.exitCode, exitCodes.fine, result.stderr);
    assert.equal(result.stdout, await readFile(join(directory, 'report.json'), 'utf8'));
    reportSchema.parse(report);
  });

  test('restores and proves every trial of every strategy, by its own name', () => {
    assert.deepEqual(
      report.cases[0]?.strategies.map(({ name }) => name),
      ['sequential', 'concurrent', 'window-unordered', 'window-ordered'],
    );
    for (const { trials } of report.cases[0]?.strategies ?? []) {
      assert.equal(trials.length, 3);
      for (const trial of trials) {
        assert.equal(trial.status, 'completed', JSON.stringify(trial.error));
        assert.equal(trial.verified, true);
        const { logical = 0, data = 0, unique = 0, wire = 0 } = trial.bytes ?? {};
        assert.equal(logical, 24 * 1024 * 1024);
        assert.ok(data < logical && unique <= data, 'zeros are not data');
        assert.ok(wire > 0 && wire < data, 'compressed chunks cross the link');
      }
    }
  });

  test('says what was asked of the link and what it did', () => {
    const link = report.cases[0]?.link;
    assert.equal(link?.asked['roundTripMs'], 4);
    const { median = 0 } = link?.achieved?.roundTripMs ?? {};
    assert.ok(median > 3 && median < 40, `${median} ms`);
  });

  test('measures every process, and names what it cannot measure', () => {
    const rows = new Map(report.use.map((row) => [row.resource, row]));
    for (const resource of ['client cpu', 'server cpu', 'fetch slots', 'writer']) {
      const row = [...rows].find(([name]) => name.startsWith(resource))?.[1];
      assert.ok(row !== undefined && 'value' in row.utilization, `${resource}: ${JSON.stringify([...rows.keys()])}`);
    }
    for (const { utilization, saturation, errors } of report.use) {
      for (const metric of [utilization, saturation, errors])
        assert.ok('value' in metric ? Number.isFinite(metric.value) : metric.unavailable.length > 0);
    }
  });

  test('leaves every report format, and `report` makes them again from the records alone', async () => {
    const files = ['report.json', 'report.html', 'report.md', 'summary.csv', 'use.csv'];
    const before = await Promise.all(files.map(async (name) => await readFile(join(directory, name), 'utf8')));
    await Promise.all(files.map(async (name) => await rm(join(directory, name))));
    const again = await bench.command(['report', directory]);
    assert.equal(again.exitCode, exitCodes.fine, again.stderr);
    assert.match(again.stdout, /^sequential .+/u, 'the first line is the finding');
    const after = await Promise.all(files.map(async (name) => await readFile(join(directory, name), 'utf8')));
    assert.deepEqual(after, before);
  });

  test('ends with 1 when an objective does not hold, and prints one document a line for several files', async () => {
    const file = await bench.scenario('gate', [
      'strategies: [ { name: window-unordered } ]',
      'trials: { repeats: 1, warmUp: 0 }',
      'objectives: [ "window-unordered.throughput.data >= 900 GB/s" ]',
    ]);
    const { exitCode, stdout } = await bench.command(['run', file, file, '--json']);
    assert.equal(exitCode, exitCodes.failed);
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.length, 2);
    for (const line of lines)
      assert.deepEqual(
        (JSON.parse(line) as Report).objectives.map(({ passed }) => passed),
        [false],
      );
  });

  test('takes fewer strategies and other repeats from the command line', async () => {
    const file = await bench.scenario('choices', [`strategies: ${allStrategies}`]);
    const { stdout, exitCode } = await bench.command([
      'run',
      file,
      '--only',
      'sequential,window-ordered',
      '--repeats',
      '1',
      '--json',
    ]);
    assert.equal(exitCode, exitCodes.fine);
    const measured = (JSON.parse(stdout) as Report).cases[0]?.strategies.map(({ label, trials }) => [
      label,
      trials.filter(({ status, warmUp }) => status === 'completed' && !warmUp).length,
    ]);
    assert.deepEqual(
      measured?.filter(([, count]) => count !== 0),
      [
        ['sequential', 1],
        ['ordered-async', 1],
      ],
    );
  });

  test('--dry-run shows the plan and leaves nothing behind', async () => {
    const file = await bench.scenario('dry', [
      `strategies: ${allStrategies}`,
      'matrix: { link.roundTrip: [1 ms, 2 ms] }',
    ]);
    const before = await readdir(join(bench.folder, 'reports'));
    const { stdout, exitCode } = await bench.command(['run', file, '--dry-run']);
    assert.equal(exitCode, exitCodes.fine);
    assert.match(stdout, /48 trials, 40 of them measured/u);
    assert.match(stdout, /case 2/u);
    assert.deepEqual(await readdir(join(bench.folder, 'reports')), before);
  });

  test('restores to a file whose hash is the original’s, and takes the file away', async () => {
    const file = await bench.scenario('to-file', [
      'target: { kind: file, path: restored.img }',
      'strategies: [ { name: window-unordered } ]',
      'trials: { repeats: 2, warmUp: 0 }',
    ]);
    const { stdout, exitCode, stderr } = await bench.command(['run', file, '--json']);
    assert.equal(exitCode, exitCodes.fine, stderr);
    const { cases } = JSON.parse(stdout) as Report;
    for (const { sha256, verified } of cases[0]?.strategies[0]?.trials ?? []) {
      assert.equal(verified, true);
      assert.equal(sha256, cases[0]?.image?.sha256);
    }
    assert.ok(!(await readdir(bench.folder)).includes('restored.img'));
  });
});

test('a run of some strategies of a scenario records and reports only these', async () => {
  await using bench = await Workbench.open();
  const file = await bench.scenario('narrowed', [
    'strategies: [ { name: sequential }, { name: window-unordered } ]',
    'trials: { repeats: 2, warmUp: 0 }',
    'objectives: [ "window-unordered.throughput.data >= 1000 * sequential.throughput.data" ]',
  ]);
  const result = await bench.command(['run', file, '--only', 'window-unordered', '--repeats', '1', '--json']);
  assert.equal(result.exitCode, exitCodes.fine, result.stderr);
  const { cases, objectives, warnings } = reportOf(result);
  assert.deepEqual(
    cases[0]?.strategies.map(({ name, trials }) => [name, trials.length]),
    [['window-unordered', 1]],
  );
  assert.deepEqual(objectives, []);
  assert.deepEqual(
    warnings.filter(({ code }) => code === 'objective-dropped').map(({ sentence }) => /`sequential`/u.test(sentence)),
    [true],
  );
  const [directory = ''] = await readdir(join(bench.folder, 'reports'));
  const record = JSON.parse(await readFile(join(bench.folder, 'reports', directory, 'run.json'), 'utf8')) as RunRecord;
  assert.equal(record.trialSettings.repeats, 1);
});
