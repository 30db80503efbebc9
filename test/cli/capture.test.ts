import assert from 'node:assert/strict';
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Cache } from '../../src/cache/cache.ts';
import { exitCodes, InterruptedError } from '../../src/model/errors.ts';
import { MiB } from '../../src/model/units.ts';
import { loadScenario } from '../../src/scenario/load-scenario.ts';
import { ensureDatastore } from '../../src/workload/ensure-datastore.ts';
import type { Workload } from '../../src/workload/workload.ts';
import { serveDatastore } from '../e2e/serve-datastore.ts';
import { Workbench, type CommandResult } from '../e2e/workbench.ts';

const SECRET = 'planted-secret-of-the-capture';

await describe('capture', async () => {
  const resources = new AsyncDisposableStack();
  let bench: Workbench;
  let workload: Workload;

  before(async () => {
    bench = resources.use(await Workbench.open());
    workload = resources.use(
      await ensureDatastore({
        image: { sizeBytes: 64 * MiB, zeroShare: 0.25, repeatedShare: 0, compressionRatio: 8, seed: 'capture' },
        history: { depth: 3, changeRate: 0.25 },
        chunks: 'files',
        cache: new Cache(join(bench.folder, 'cache')),
        signal: new AbortController().signal,
        onProgress() {},
      }),
    );
    resources.use(await serveDatastore(bench, { store: 'store', path: workload.path, secret: SECRET }));
  });
  after(async () => await resources.disposeAsync());

  const capture = async (...args: readonly string[]): Promise<CommandResult> =>
    await bench.command(['capture', workload.snapshot, '--no-hardware', '--phase-time', '150 ms', ...args]);

  test('writes a scenario that can be run, with the history and what the server tells of itself', async () => {
    const { exitCode, stdout, stderr } = await capture('drive-scsi0', '--out', 'here.yaml', '--budget', '96 MiB');
    assert.equal(exitCode, exitCodes.fine, stderr);
    const text = await readFile(join(bench.folder, 'here.yaml'), 'utf8');
    const [{ image, history, link }] = loadScenario(text, { file: 'here.yaml', folder: bench.folder }).cases;
    assert.equal(image.zeroShare, 0.25);
    assert.ok(Math.abs(image.compressionRatio / 8 - 1) < 0.2, String(image.compressionRatio));
    assert.equal(history.depth, 3);
    assert.ok(Math.abs(history.changeRate - 0.25) < 0.1, String(history.changeRate));
    assert.ok((link.rateBytesPerSecond ?? 0) > 0 && link.roundTripMs > 0);
    assert.match(text, /# server: Proxmox Backup Server \d/u);
    assert.match(text, /# traffic control: (?:unavailable: |no rules)/u);
    assert.match(stdout, /one chunk at a time +[\d.]+ [MG]B\/s[\s\S]*Written to here\.yaml/u);
    for (const output of [text, stdout, stderr]) assert.ok(!output.includes(SECRET));
  });

  test('refuses a file that is there, a budget that measures nothing, and what is no snapshot', async () => {
    await writeFile(join(bench.folder, 'there.yaml'), 'mine');
    for (const [args, code, words] of [
      [['--out', 'there.yaml'], exitCodes.usage, /is there already/u],
      [['--out', 'none/new.yaml'], exitCodes.usage, /the folder of .* does not exist/u],
      [['--out', 'there.yaml/new.yaml'], exitCodes.machine, /not a directory/u],
      [['--out', 'new.yaml', '--budget', '1 MiB'], exitCodes.usage, /too small/u],
      [['--out', 'new.yaml', '--budget', 'much'], exitCodes.usage, /--budget/u],
      [['drive-none', '--out', 'new.yaml'], exitCodes.usage, /drive-none/u],
    ] as const) {
      const { exitCode, stderr } = await capture(...args);
      assert.equal(exitCode, code, stderr);
      assert.match(stderr, words);
    }
    assert.equal(await readFile(join(bench.folder, 'there.yaml'), 'utf8'), 'mine');
    await assert.rejects(access(join(bench.folder, 'new.yaml')));
  });

  test('leaves no file when it is interrupted', async () => {
    const interruption = new AbortController();
    setTimeout(() => interruption.abort(new InterruptedError('SIGINT')), 200);
    const { exitCode, stderr } = await bench.command(
      ['capture', workload.snapshot, '--no-hardware', '--out', 'interrupted.yaml'],
      { interrupted: interruption.signal },
    );
    assert.equal(exitCode, exitCodes.interrupted, stderr);
    await assert.rejects(access(join(bench.folder, 'interrupted.yaml')));
  });

  test('ends with what the server says when it may not read', async () => {
    const { PBS_FINGERPRINT: pin } = bench.env;
    bench.env['PBS_FINGERPRINT'] = Array.from({ length: 32 }, () => 'ab').join(':');
    const { exitCode, stderr } = await capture('--out', 'new.yaml');
    bench.env['PBS_FINGERPRINT'] = pin ?? '';
    assert.equal(exitCode, exitCodes.server, stderr);
    assert.match(stderr, /fingerprint/u);
  });
});
