import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { exitCodes, type ExitCode } from '../../src/model/errors.ts';
import type { Report, StrategyReport } from '../../src/model/report.ts';
import type { RunningServer } from '../../src/pbs/server/start-embedded-server.ts';
import { goldenFolder, goldenStore } from '../pbs/datastore/golden.ts';
import { PlantedSecrets } from './planted-secrets.ts';
import { serveDatastore } from './serve-datastore.ts';
import { reportOf, Workbench } from './workbench.ts';

const restorelab = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const TOKEN = 'bench@pbs!t1';
const tokenSecret = 'planted-token-secret-4711';
const passphrase = 'anchor-key-pw';
const planted = new PlantedSecrets({ 'the secret of the token': tokenSecret, 'the password of the key': passphrase });

const image = 'snapshot: "vm/100/2026-02-16T16:30:44Z", archive: drive-scsi0';
const quick = 'trials: { repeats: 1, warmUp: 0 }';

await describe('a program as a strategy on a real server', async () => {
  const resources = new AsyncDisposableStack();
  let bench: Workbench;
  let server: RunningServer;

  before(async () => {
    bench = resources.use(await Workbench.open());
    server = resources.use(
      await serveDatastore(bench, { store: 'golden', path: goldenStore, userId: TOKEN, secret: tokenSecret }),
    );
    bench.env['PBS_ENCRYPTION_PASSWORD'] = passphrase;
  });
  after(async () => await resources.disposeAsync());

  /** Arguments of a YAML list that run `restorelab restore`. */
  const restore = (target: string): string =>
    `"${process.execPath}", "${restorelab}", restore, "{snapshot}", "{archive}", "${target}", --repository, "{repository}", [--ns, "{namespace}"], [--keyfile, "{keyFile}"]`;

  async function script(name: string, lines: readonly string[]): Promise<string> {
    await writeFile(join(bench.folder, name), `#!/bin/sh\n${lines.join('\n')}\n`);
    await chmod(join(bench.folder, name), 0o755);
    return `./${name}`;
  }

  /** Runs a scenario; neither what it says nor anything in the folder may show a secret. */
  async function run(name: string, exitCode: ExitCode, ...lines: readonly string[]): Promise<Report> {
    const result = await bench.command(['run', await bench.scenario(name, lines), '--json']);
    assert.equal(result.exitCode, exitCode, `${result.stdout}${result.stderr}`);
    assert.deepEqual(planted.find(`${result.stdout}${result.stderr}`), []);
    assert.ok((await planted.assertAbsentBelow(bench.folder)) > 5);
    return reportOf(result);
  }

  function strategyOf({ cases: [found] }: Report, label: string): StrategyReport {
    return found?.strategies.find((strategy) => strategy.label === label) ?? assert.fail(label);
  }

  test('restores the image with the log-in of the run, is proven by the digests, and has no wire rate', async () => {
    const wrong = await script('wrong.sh', [
      `"${process.execPath}" "${restorelab}" restore "$1" "$2" - | tr "\\000" "\\001"`,
    ]);
    const unseen = await script('unseen.sh', [`"${process.execPath}" "${restorelab}" restore "$1" "$2" - > /dev/null`]);
    const report = await run(
      'programs',
      exitCodes.failed,
      `server: { kind: pbs, ${image} }`,
      'strategies:',
      '  - { name: window-unordered }',
      `  - { name: external, label: piped, command: [${restore('{target}')}], output: stdout }`,
      `  - { name: external, label: filed, command: [${restore('{target}')}], output: filed.img }`,
      `  - { name: external, label: unseen, command: [${unseen}, "{snapshot}", "{image}"], output: none }`,
      `  - { name: external, label: wrong, command: [${wrong}, "{snapshot}", "{image}"], output: stdout }`,
      quick,
      'objectives: [piped.throughput.wire >= 1 MB/s]',
    );
    assert.equal(report.mode, 'real');
    const inside = strategyOf(report, 'window-unordered');
    const { wire, ...restored } = inside.trials[0]?.bytes ?? assert.fail();
    assert.ok((wire ?? 0) > 0);
    for (const label of ['piped', 'filed']) {
      const { trials, throughput, cpuSecondsPerGb } = strategyOf(report, label);
      assert.equal(trials[0]?.verified, true, trials[0]?.error?.message);
      assert.deepEqual(trials[0].bytes, restored);
      assert.ok((throughput.data?.medianBytesPerSecond ?? 0) > 0);
      assert.equal(throughput.wire, undefined);
      assert.ok('value' in cpuSecondsPerGb.client);
      assert.match(JSON.stringify(cpuSecondsPerGb.server), /another machine/u);
    }
    assert.equal(existsSync(join(bench.folder, 'filed.img')), false);
    assert.equal(strategyOf(report, 'wrong').trials[0]?.verified, false);
    assert.match(report.objectives[0]?.reason ?? '', /nobody counts what a program fetches from a real server/u);
    const unknown = report.warnings.filter(({ code }) => code === 'external-wire-unknown');
    assert.match(unknown.map(({ sentence }) => sentence).join('\n'), /unseen has no wire rate .* Nor is it known/u);
  });

  test('gets address, key and secrets, the secrets in its environment only, and they are hidden in what it says', async () => {
    const spied = join(bench.folder, '..', `spied-${process.pid}`);
    const spy = await script('spy.sh', [
      `env > "${spied}"`,
      'tr "\\0" " " < /proc/$$/cmdline > argv',
      'echo "log in with $PBS_PASSWORD, unlock with $PBS_ENCRYPTION_PASSWORD" >&2',
      'exit 7',
    ]);
    const keyFile = join(goldenFolder, 'key-scrypt.json');
    try {
      const report = await run(
        'spy',
        exitCodes.trials,
        `server: { kind: pbs, snapshot: "host/anchor-enc/2026-02-15T21:13:20Z", archive: etc.pxar, keyFile: ${JSON.stringify(keyFile)} }`,
        'strategies:',
        `  - { name: external, label: archive, command: [${restore('-')}], output: stdout }`,
        `  - { name: external, label: spy, command: [${spy}, "{repository}", "{archive}", "{keyFile}"], output: none }`,
        quick,
      );
      assert.equal(strategyOf(report, 'archive').trials[0]?.verified, true);
      const { error } = strategyOf(report, 'spy').trials[0] ?? {};
      assert.match(error?.message ?? '', /log in with \(secret\), unlock with \(secret\)/u);
      const env = (await readFile(spied, 'utf8')).split('\n').filter((line) => line.startsWith('PBS_'));
      assert.deepEqual(env.toSorted(), [
        `PBS_ENCRYPTION_PASSWORD=${passphrase}`,
        `PBS_FINGERPRINT=${server.fingerprint}`,
        `PBS_PASSWORD=${tokenSecret}`,
        `PBS_REPOSITORY=${TOKEN}@127.0.0.1:${server.port}:golden`,
      ]);
      const argv = await readFile(join(bench.folder, 'argv'), 'utf8');
      assert.ok(argv.includes(`${TOKEN}@127.0.0.1:${server.port}:golden etc.pxar.didx ${keyFile}`), argv);
    } finally {
      await rm(spied, { force: true });
    }
  });

  test('is ended when it does nothing, and the plan says that nothing bounds it', async () => {
    const file = await bench.scenario('hanging', [
      `server: { kind: pbs, ${image} }`,
      'strategies: [{ name: external, label: hanging, command: [sleep, 600], output: none }]',
      'trials: { repeats: 1, warmUp: 0, stallTimeout: 1 s }',
    ]);
    const plan = await bench.command(['run', file, '--dry-run']);
    assert.match(plan.stdout, /programs ask as they will/u);
    const { exitCode, stdout } = await bench.command(['run', file]);
    assert.equal(exitCode, exitCodes.trials);
    assert.match(stdout, /fetched, wrote and said nothing/u);
  });
});
