import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { exitCodes, InterruptedError } from '../../src/model/errors.ts';
import { metricValue } from '../../src/model/metric.ts';
import type { RunData, TrialRecord } from '../../src/model/records.ts';
import type { Report } from '../../src/model/report.ts';
import { programsTable } from '../../src/report/programs-table.ts';
import { Workbench } from './workbench.ts';

const restorelab = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const trials = 'trials: { repeats: 1, warmUp: 0 }';

/** Restores what it is asked for with `restorelab restore`, as the program would whose name it has, and notes its arguments. */
const standIn = `
printf '%s\\n' "$@" > "argv-$LABEL"
env > "env-$LABEL"
restore() { "${process.execPath}" "${restorelab}" restore "$1" "$2" -; }
case "$(basename "$0")" in
  pbs-restore)
    if [ "$5" = null-co:// ]; then restore "$3" "$4" > /dev/null
    else test "$(stat -c %s "$5")" = 25165824 && restore "$3" "$4" | dd of="$5" conv=notrunc bs=1M 2> /dev/null; fi
    echo "progress 100% (read 25165824 bytes, zeroes = 16% (4194304 bytes), duration 1 sec)"
    echo "restore image complete (bytes=25165824, duration=0.50s, speed=48.00MB/s)" >&2 ;;
  proxmox-backup-client) restore "$2" "$3" ;;
  qmrestore) restore "\${1#pbs:backup/}" drive-scsi0.img > /dev/null ;;
esac
`;

await describe('programs as strategies', async () => {
  let bench: Workbench;
  let data: RunData;
  let report: Report;
  const path = process.env['PATH'];

  before(async () => {
    bench = await Workbench.open();
    for (const name of ['pbs-restore', 'proxmox-backup-client', 'qmrestore']) await script(name, standIn);
    await script('qm', 'printf "%s\\n" "$@" > argv-qm');
    process.env['PATH'] = `${bench.folder}:${path}`;
    await script('wrong.sh', `"${process.execPath}" "${restorelab}" restore "$1" "$2" - | tr "\\000" "\\001"`);
    const file = await bench.scenario('programs', [
      'strategies:',
      '  - { name: window-ordered }',
      `  - { name: external, label: piped, command: [${restore('{target}')}], output: stdout }`,
      `  - { name: external, label: filed, command: [${restore('{target}')}], output: filed.img }`,
      '  - { name: external, label: wrong, command: [./wrong.sh, "{snapshot}", "{image}"], output: stdout }',
      '  - { name: external, label: elsewhere, command: [head, -c, 1000, /dev/zero], output: stdout }',
      '  - name: external',
      '    label: to-null',
      '    preset: pbs-restore',
      '    env: { LABEL: to-null, PBS_RESTORE_FETCH_CONCURRENCY: 8, PBS_RESTORE_MAX_THREADS: 2 }',
      '  - { name: external, label: to-raw, preset: pbs-restore, output: raw.img, arguments: [--skip-zero], env: { LABEL: to-raw } }',
      '  - { name: external, label: client, preset: proxmox-backup-client, env: { LABEL: client } }',
      '  - { name: external, label: machine, preset: qmrestore, vmid: 9000, pbsStorage: pbs, storage: local-lvm, env: { LABEL: machine } }',
      trials,
    ]);
    ({ data, report } = await bench.run(file));
  });
  after(async () => {
    process.env['PATH'] = path;
    await bench[Symbol.asyncDispose]();
  });

  /** Arguments of a YAML list that run `restorelab restore`. */
  const restore = (target: string): string =>
    `"${process.execPath}", "${restorelab}", restore, "{snapshot}", "{archive}", "${target}", --repository, "{repository}", [--ns, "{namespace}"]`;

  async function script(name: string, text: string): Promise<void> {
    await writeFile(join(bench.folder, name), `#!/bin/sh\n${text}\n`);
    await chmod(join(bench.folder, name), 0o755);
  }

  function trialOf(label: string): TrialRecord {
    const found = data.trials.find(({ strategy }) => strategy === label);
    assert.ok(found !== undefined, label);
    return found;
  }

  const argumentsOf = async (label: string): Promise<readonly string[]> =>
    (await readFile(join(bench.folder, `argv-${label}`), 'utf8')).trimEnd().split('\n');

  for (const [label, method] of [
    ['piped', 'sha256-of-stdout'],
    ['filed', 'sha256-of-file'],
    ['client', 'sha256-of-stdout'],
    ['to-raw', 'sha256-of-file'],
  ] as const) {
    test(`${label} is proven, and charged with what its processes used`, () => {
      const trial = trialOf(label);
      assert.equal(trial.status, 'completed', trial.error?.message);
      assert.equal(trial.verified, true, trial.proof?.problems[0]);
      assert.equal(trial.proof?.method, method);
      assert.deepEqual({ ...trial.bytes, wire: 0 }, { ...trialOf('window-ordered').bytes, wire: 0 });
      assert.ok((trial.bytes?.wire ?? 0) > (trial.bytes?.data ?? Infinity) / 2);
      assert.equal(trial.external?.exitCode, 0);
      assert.equal(trial.external.leftBehind, 0);
      const { usage, samples } = trial.external;
      assert.deepEqual(usage?.cpuMs, trial.counters?.client.cpuMs);
      for (const figure of [usage?.cpuMs, usage?.peakProcesses, usage?.readBytes, usage?.peakResidentBytes])
        assert.ok(figure !== undefined && (metricValue(figure) ?? 0) > 0, JSON.stringify(usage));
      assert.ok(samples.timeMs.length > 0);
    });
  }

  test('nothing of their outputs is left', () => {
    for (const name of ['filed.img', 'raw.img']) assert.equal(existsSync(join(bench.folder, name)), false, name);
  });

  test('pbs-restore gets the arguments that qemu-server gives it, and its knobs', async () => {
    const { snapshot = '', archive = '' } = data.run.cases[0]?.image ?? {};
    const [, repository = ''] = await argumentsOf('to-null');
    assert.match(repository, /^root@pam@127\.0\.0\.1:\d+:store-1$/u);
    const common = ['--repository', repository, snapshot, archive];
    const format = ['--verbose', '--format', 'raw'];
    assert.deepEqual(await argumentsOf('to-null'), [...common, 'null-co://', ...format]);
    assert.deepEqual(await argumentsOf('to-raw'), [...common, join(bench.folder, 'raw.img'), ...format, '--skip-zero']);
    const env = await readFile(join(bench.folder, 'env-to-null'), 'utf8');
    assert.match(env, /^PBS_RESTORE_FETCH_CONCURRENCY=8$/mu);
    assert.match(env, /^PBS_RESTORE_MAX_THREADS=2$/mu);
    assert.match(env, /^PBS_FINGERPRINT=(?:[0-9a-f]{2}:){31}[0-9a-f]{2}$/mu);
    const password = /^PBS_PASSWORD=(.+)$/mu.exec(env)?.[1] ?? '';
    assert.ok(password.length > 16);
    assert.ok(!JSON.stringify(data).includes(password));
  });

  test('proxmox-backup-client and qmrestore get theirs, and the machine is destroyed afterwards', async () => {
    const { snapshot = '' } = data.run.cases[0]?.image ?? {};
    const [, repository = ''] = await argumentsOf('to-null');
    assert.deepEqual(await argumentsOf('client'), [
      'restore',
      snapshot,
      'drive-scsi0.img',
      '-',
      '--repository',
      repository,
    ]);
    assert.deepEqual(await argumentsOf('machine'), [`pbs:backup/${snapshot}`, '9000', '--storage', 'local-lvm']);
    assert.deepEqual(await argumentsOf('qm'), ['destroy', '9000', '--purge']);
  });

  test('what a program prints comes out in honest units', () => {
    const [figures] = trialOf('to-null').external?.figures ?? [];
    assert.deepEqual(figures?.printed, ['48.00 MiB/s (logical)']);
    assert.equal(metricValue(figures.rates.logical), 48 * 1024 ** 2);
    assert.deepEqual(figures.flags, []);
  });

  test('where nobody sees the output it counts, is not called verified, and says why', () => {
    for (const label of ['to-null', 'machine']) {
      const trial = trialOf(label);
      assert.equal(trial.status, 'completed', trial.error?.message);
      assert.equal(trial.verified, undefined);
      assert.match(trial.notVerifiable ?? '', /nothing to take a hash of/u);
      const reported = report.cases[0]?.strategies.find((strategy) => strategy.label === label);
      assert.ok((reported?.throughput.data?.medianBytesPerSecond ?? 0) > 0);
    }
    assert.equal(report.warnings.filter(({ code }) => code === 'external-not-verified').length, 2);
  });

  test('one that restores other bytes fails its proof, one that fetches nothing here is no restore', () => {
    assert.equal(trialOf('wrong').verified, false);
    assert.match(trialOf('wrong').proof?.problems[0] ?? '', /SHA-256/u);
    assert.equal(trialOf('elsewhere').status, 'failed');
    assert.equal(trialOf('elsewhere').error?.code, 'external-elsewhere');
  });

  test('the report knows nothing of their chunks, and says what their figures contain', () => {
    const piped = report.cases[0]?.strategies.find(({ label }) => label === 'piped');
    assert.deepEqual(piped?.knobs, {});
    assert.match(JSON.stringify(piped.chunkLatencyMs), /a program shows no chunks/u);
    assert.ok((metricValue(piped.cpuSecondsPerGb.client) ?? 0) > 0);
    assert.ok(report.warnings.some(({ code }) => code === 'external-start-included'));
    const table = programsTable(report.cases[0] ?? assert.fail());
    const rows = new Map(table.rows.map(([label = '', ...cells]) => [label, cells]));
    assert.deepEqual([...rows.keys()], ['piped', 'filed', 'to-null', 'to-raw', 'client', 'machine']);
    assert.match(rows.get('to-null')?.join('|') ?? '', /null-co:\/\/.*\|no: .*\|48\.00 MiB\/s \(logical\)$/u);
    assert.equal(rows.get('piped')?.[1], 'yes');
  });
});

await describe('a program that does not restore', async () => {
  let bench: Workbench;
  before(async () => {
    bench = await Workbench.open();
  });
  after(async () => await bench[Symbol.asyncDispose]());

  async function script(name: string, lines: readonly string[]): Promise<string> {
    await writeFile(join(bench.folder, name), `#!/bin/sh\n${lines.join('\n')}\n`);
    await chmod(join(bench.folder, name), 0o755);
    return `./${name}`;
  }

  test('has the password in its environment only, and no output of the run holds it', async () => {
    const spy = await script('spy.sh', [
      'env > spied-env',
      'tr "\\0" " " < /proc/$$/cmdline > spied-argv',
      'echo "log in with $PBS_PASSWORD, unlock with $PBS_ENCRYPTION_PASSWORD" >&2',
      'exit 7',
    ]);
    const file = await bench.scenario('spy', [
      'strategies:',
      `  - { name: external, label: spy, command: [${spy}, "{repository}"], env: { KNOB: 4 }, output: none }`,
      trials,
    ]);
    process.env['PBS_ENCRYPTION_PASSWORD'] = 'planted-password-of-a-key';
    const { exitCode, stdout, stderr } = await bench.command(['run', file, '--json', '--out', 'spied']);
    delete process.env['PBS_ENCRYPTION_PASSWORD'];
    assert.equal(exitCode, exitCodes.trials);
    const env = await readFile(join(bench.folder, 'spied-env'), 'utf8');
    const password = /^PBS_PASSWORD=(.+)$/mu.exec(env)?.[1] ?? '';
    assert.ok(password.length > 16);
    assert.match(env, /^PBS_FINGERPRINT=(?:[0-9a-f]{2}:){31}[0-9a-f]{2}$/mu);
    assert.match(env, /^PBS_REPOSITORY=root@pam@127\.0\.0\.1:\d+:store-1$/mu);
    assert.match(env, /^KNOB=4$/mu);
    assert.match(env, /^PBS_ENCRYPTION_PASSWORD=planted-password-of-a-key$/mu);
    assert.ok(!(await readFile(join(bench.folder, 'spied-argv'), 'utf8')).includes(password));
    assert.match(stdout, /ended with exit code 7; it said last/u);
    const [run = ''] = await readdir(join(bench.folder, 'spied'));
    const written = await readdir(join(bench.folder, 'spied', run), { recursive: true, withFileTypes: true });
    const texts = await Promise.all(
      written
        .filter((entry) => entry.isFile())
        .map(async (entry) => await readFile(join(entry.parentPath, entry.name), 'latin1')),
    );
    assert.ok(texts.length > 5);
    for (const text of [stdout, stderr, ...texts])
      for (const secret of [password, 'planted-password-of-a-key']) assert.ok(!text.includes(secret));
  });

  test('is ended with all its processes when the user stops the run', async () => {
    const slow = await script('slow.sh', [
      'trap "" TERM',
      'sleep 600 & echo $! > pids',
      '(setsid sleep 600 & echo $! >> pids)',
      'sleep 600 & echo $! >> pids',
      'touch ready',
      'wait',
    ]);
    const file = await bench.scenario('slow', [
      'strategies:',
      `  - { name: external, label: slow, command: [${slow}], output: none }`,
      trials,
    ]);
    const controller = new AbortController();
    const waiting = setInterval(() => {
      if (existsSync(join(bench.folder, 'ready'))) controller.abort(new InterruptedError('SIGINT'));
    }, 20);
    const { outcome, data } = await bench.run(file, { signal: controller.signal });
    clearInterval(waiting);
    assert.equal(outcome.status, 'interrupted');
    assert.equal(data.trials[0]?.status, 'interrupted');
    const pids = (await readFile(join(bench.folder, 'pids'), 'utf8')).trim().split('\n');
    assert.equal(pids.length, 3);
    for (const pid of pids) assert.ok(await isGone(pid), `process ${pid} is left`);
  });

  test('that hangs is ended after the time in which nothing may move, and one that is too slow after its limit', async () => {
    const file = await bench.scenario('hanging', [
      'strategies:',
      '  - { name: external, label: hanging, command: [sleep, 600], output: none }',
      '  - { name: external, label: slow, command: [sh, -c, "while :; do echo busy; sleep 0.05; done"], output: none, timeLimit: 1 s }',
      'trials: { repeats: 1, warmUp: 0, stallTimeout: 1 s }',
    ]);
    const { data } = await bench.run(file);
    const codes = new Map(data.trials.map(({ strategy, error }) => [strategy, error?.code]));
    assert.equal(codes.get('hanging'), 'external-stalled');
    assert.equal(codes.get('slow'), 'external-time-limit');
  });

  for (const [what, line, words] of [
    [
      'a program that is not there',
      'preset: pbs-restore, program: ./nowhere',
      /nowhere of external is not on this machine/u,
    ],
    ['an output that exists', 'command: [sh], output: taken.img', /taken\.img of external exists already/u],
    ['an output in no folder', 'command: [sh], output: no-folder/new.img', /folder of the output/u],
  ] as const) {
    test(`ends with 2 before anything runs for ${what}`, async () => {
      await writeFile(join(bench.folder, 'taken.img'), 'precious');
      const file = await bench.scenario('refused', ['strategies:', `  - { name: external, ${line} }`, trials]);
      for (const more of [['--dry-run'], ['--out', 'never']]) {
        const { exitCode, stderr } = await bench.command(['run', file, ...more]);
        assert.equal(exitCode, exitCodes.usage);
        assert.match(stderr, words);
      }
      assert.equal(existsSync(join(bench.folder, 'never')), false);
      assert.equal(await readFile(join(bench.folder, 'taken.img'), 'utf8'), 'precious');
    });
  }
});

async function isGone(pid: string): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined);
  // One that nobody has waited for yet is dead all the same.
  return text === undefined || /\) Z /u.test(text);
}
