import assert from 'node:assert/strict';
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { exitCodes, InterruptedError } from '../../src/model/errors.ts';
import { metricValue } from '../../src/model/metric.ts';
import type { VerifyRecord, VerifyReport } from '../../src/model/verify.ts';
import { openDatastore } from '../../src/pbs/datastore/open-datastore.ts';
import { verifyFormats } from '../../src/report/verify/verify-formats.ts';
import { copyOfGolden, goldenFolder, goldenStore } from '../pbs/datastore/golden.ts';
import { Workbench } from './workbench.ts';

const newest = 'vm/100/2026-02-16T16:30:44Z';
const threads = ['--read-threads', '1', '--verify-threads', '1'];

await describe('restorelab verify', async () => {
  let bench: Workbench;
  before(async () => {
    bench = await Workbench.open();
  });
  after(async () => await bench[Symbol.asyncDispose]());

  test('finds the golden store sound, and says what it could not look into', async () => {
    const { exitCode, stdout } = await bench.command(['verify', goldenStore, ...threads]);
    assert.equal(exitCode, exitCodes.fine);
    assert.match(stdout, /33 distinct of 76, each read once/u);
    assert.match(stdout, /encrypted\s+8 chunks, CRC-32 only/u);
    assert.match(stdout, /No damage was found/u);
  });

  test('names damaged files and chunks, and exits with 1', async () => {
    await using copy = await copyOfGolden(['vm/100', '.chunks']);
    const datastore = await openDatastore(copy.path);
    const digest = (await datastore.readIndex(newest, 'drive-scsi0.img')).digestAt(1);
    await rm(datastore.chunkPath(digest));
    const older = 'vm/100/2026-02-14T16:28:42Z/drive-scsi0.img.fidx';
    await truncate(join(copy.path, older), 4100);
    const { exitCode, stdout } = await bench.command(['verify', copy.path, ...threads]);
    assert.equal(exitCode, exitCodes.failed);
    assert.ok(stdout.includes(`DAMAGED .chunks/${digest.slice(0, 4)}/${digest}: the chunk is missing`), stdout);
    assert.match(stdout, /^DAMAGE: 2 problems were found\.\n/u);
    assert.match(stdout, /^Next: Look after the disk/mu);
    assert.ok(stdout.includes(`${newest}/drive-scsi0.img.fidx`), stdout);
    assert.ok(stdout.includes(`DAMAGED ${older}: `), stdout);
    assert.doesNotMatch(stdout, /^DAMAGED (\S+): \1/mu, 'the name is said once');
    const json = await bench.command(['verify', copy.path, newest, '--json', ...threads]);
    const report = JSON.parse(json.stdout) as VerifyReport;
    assert.deepEqual(
      report.problems.map((problem) => [problem.code, problem.digest]),
      [['chunk-missing', digest]],
    );
  });

  test('records what it measured, as a run does', async () => {
    const { exitCode, stdout, stderr } = await bench.command(['verify', goldenStore, newest, '--json', ...threads]);
    assert.equal(exitCode, exitCodes.fine);
    const folder = /Report: (.*)/u.exec(stderr)?.[1] ?? '';
    assert.equal(await readFile(join(folder, 'report.json'), 'utf8'), stdout);
    const report = JSON.parse(stdout) as VerifyReport;
    const record = JSON.parse(await readFile(join(folder, 'verify.json'), 'utf8')) as VerifyRecord;
    const formats = Object.values(verifyFormats).map(({ file }) => file);
    const texts = await Promise.all(formats.map(async (file) => await readFile(join(folder, file), 'utf8')));
    await Promise.all(formats.map(async (file) => await rm(join(folder, file))));
    const again = await bench.command(['report', folder, '--json']);
    assert.deepEqual([again.exitCode, again.stdout], [exitCodes.fine, stdout], 'the report follows from the records');
    assert.deepEqual(
      await Promise.all(formats.map(async (file) => await readFile(join(folder, file), 'utf8'))),
      texts,
      'and so do the other formats',
    );
    assert.match((await bench.command(['report', folder])).stdout, /each read once/u);
    assert.equal(report.mode, 'verify');
    assert.equal(record.spans?.slot.length, report.chunkCount);
    const { bytes, durationMs, throughput } = report;
    for (const [name, amount] of [
      ['logical', bytes.logical],
      ['data', metricValue(bytes.data)],
      ['unique', bytes.unique],
      ['read', bytes.read],
    ] as const) {
      assert.ok(amount !== undefined && amount > 0, name);
      assert.equal(metricValue(throughput[name]), (amount * 1000) / durationMs, name);
    }
    assert.equal(metricValue(bytes.data), bytes.logical - 3 * (4 << 20), 'three of its chunks are zeros');
    assert.deepEqual(
      report.use.slice(0, 3).map(({ resource }) => resource),
      ['read threads', 'verify threads', 'client cpu'],
    );
    // So short a verify may end before its first sample, and says so then.
    const memory = report.use.find(({ resource }) => resource === 'memory')?.utilization;
    assert.ok(memory !== undefined && ('value' in memory || memory.unavailable !== ''));
    await writeFile(join(folder, 'verify.json'), JSON.stringify({ ...record, formatVersion: 99 }));
    assert.match((await bench.command(['report', folder])).stderr, /format version 99/u);
  });

  test('ends in order when it is interrupted before there is anything to save', async () => {
    const controller = new AbortController();
    controller.abort(new InterruptedError('SIGINT'));
    const before = await readdir(join(bench.folder, 'reports'));
    const ended = await bench.command(['verify', goldenStore, ...threads], { interrupted: controller.signal });
    assert.deepEqual(await readdir(join(bench.folder, 'reports')), before);
    assert.equal(ended.exitCode, exitCodes.interrupted, ended.stderr);
    assert.ok(!/\d+ distinct/u.test(ended.stdout));
  });

  test('takes the password of a key from the environment, and refuses a wrong one', async () => {
    const snapshot = 'host/anchor-enc/2026-02-15T21:13:20Z';
    const args = ['verify', goldenStore, snapshot, '--keyfile', join(goldenFolder, 'key-scrypt.json'), ...threads];
    const none = await bench.command(args);
    assert.equal(none.exitCode, exitCodes.usage);
    assert.match(none.stderr, /protected by a password[\s\S]*PBS_ENCRYPTION_PASSWORD/u);
    bench.env['PBS_ENCRYPTION_PASSWORD'] = 'not-it-at-all';
    const wrong = await bench.command(args);
    assert.equal(wrong.exitCode, exitCodes.usage);
    assert.match(wrong.stderr, /does not open/u);
    bench.env['PBS_ENCRYPTION_PASSWORD'] = 'anchor-key-pw';
    const right = await bench.command(args);
    assert.equal(right.exitCode, exitCodes.fine, right.stderr);
    assert.ok(!/CRC-32 only/u.test(right.stdout));
    const inspected = await bench.command(['inspect', ...args.slice(1, 5)]);
    assert.equal(inspected.exitCode, exitCodes.fine, inspected.stderr);
    assert.equal(inspected.stderr, '');
    for (const { stdout, stderr } of [none, wrong, right, inspected])
      assert.ok(!/not-it-at-all|anchor-key-pw/u.test(stdout + stderr));
    delete bench.env['PBS_ENCRYPTION_PASSWORD'];
  });

  test('refuses what makes no sense', async () => {
    for (const [args, says] of [
      [['/nowhere'], /not a datastore/u],
      [[goldenStore, 'vm/100'], /the time of the snapshot is missing/u],
      [[goldenStore, 'vm/100/2020-01-01T00:00:00Z'], /no snapshot/u],
      [[goldenStore, '--read-threads', '0'], /read-threads.*1 or more/u],
      [[goldenStore, '--verify-threads', '33'], /verify-threads.*32 or less/u],
      [[goldenStore, '--order', 'random'], /order/u],
      [[goldenStore, '--ns', '../..'], /namespace/u],
    ] as const) {
      const { exitCode, stderr } = await bench.command(['verify', ...args]);
      assert.equal(exitCode, exitCodes.usage, stderr);
      assert.match(stderr, says);
    }
  });
});
