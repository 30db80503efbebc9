import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { exitCodes } from '../../src/model/errors.ts';
import type { RunRecord } from '../../src/model/records.ts';
import type { Report } from '../../src/model/report.ts';
import { Workbench } from './workbench.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Long enough to be interrupted in the middle, and bounded: about 40 trials of half a second. */
const longRun = [
  'link: { roundTrip: 100 ms }',
  'strategies: [ { name: sequential } ]',
  'trials: { repeats: 40, warmUp: 0 }',
];
/** A process that has not ended by then will not. */
const GIVE_UP_MS = 60_000;

await describe('a run that is stopped', async () => {
  let bench: Workbench;
  before(async () => {
    bench = await Workbench.open();
  });
  after(async () => await bench[Symbol.asyncDispose]());

  async function startRun(out: string): Promise<ChildProcess> {
    const file = await bench.scenario('long', longRun);
    const child = spawn(process.execPath, [main, 'run', file, '--out', out], {
      cwd: bench.folder,
      env: { ...process.env, ...bench.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout?.resume();
    child.stderr?.resume();
    await measuredTrials(out, 2);
    return child;
  }

  async function runDirectory(out: string): Promise<string> {
    return join(bench.folder, out, (await readdir(join(bench.folder, out)).catch((): string[] => []))[0] ?? '');
  }

  /** Waits until so many trials are saved. */
  async function measuredTrials(out: string, count: number): Promise<void> {
    for (const deadline = Date.now() + GIVE_UP_MS; Date.now() < deadline; await sleep(50)) {
      const names = await readdir(join(await runDirectory(out), 'trials')).catch((): string[] => []);
      if (names.filter((name) => name.endsWith('.json')).length >= count) return;
    }
    assert.fail('no trial was saved');
  }

  /** Process id of a run's embedded server. */
  async function serverOf(child: ChildProcess): Promise<number> {
    const children = (await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')).trim().split(' ');
    for (const pid of children) {
      if ((await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes('pbs/server/main')) return Number(pid);
    }
    return assert.fail('the run has no server');
  }

  async function exitCodeOf(child: ChildProcess): Promise<number | null> {
    if (child.exitCode !== null) return child.exitCode;
    const [code] = (await once(child, 'exit', { signal: AbortSignal.timeout(GIVE_UP_MS) })) as [number | null];
    return code;
  }

  async function runStatus(out: string): Promise<RunRecord['status']> {
    return (JSON.parse(await readFile(join(await runDirectory(out), 'run.json'), 'utf8')) as RunRecord).status;
  }

  test('by Ctrl-C saves what was measured, reports it, and ends with 130', async () => {
    const child = await startRun('once');
    child.kill('SIGINT');
    assert.equal(await exitCodeOf(child), exitCodes.interrupted);
    assert.equal(await runStatus('once'), 'interrupted');
    const report = JSON.parse(await readFile(join(await runDirectory('once'), 'report.json'), 'utf8')) as Report;
    const statuses = report.cases[0]?.strategies[0]?.trials.map(({ status }) => status) ?? [];
    assert.ok(statuses.filter((status) => status === 'completed').length >= 2, statuses.join());
    assert.ok(statuses.includes('interrupted') || statuses.includes('not-run'), statuses.join());
  });

  test('by SIGTERM ends with 143', async () => {
    const child = await startRun('terminated');
    child.kill('SIGTERM');
    assert.equal(await exitCodeOf(child), exitCodes.terminated);
    assert.equal(await runStatus('terminated'), 'interrupted');
  });

  test('by Ctrl-C twice ends at once, and its finished trials are there', async () => {
    const child = await startRun('twice');
    const server = await serverOf(child);
    // A server that hangs keeps the orderly end from ending: only the second signal can end the run while it does.
    process.kill(server, 'SIGSTOP');
    try {
      child.kill('SIGINT');
      // npx hands a Ctrl-C on that has come already; what comes later is a second one.
      await sleep(600);
      child.kill('SIGINT');
      assert.equal(await exitCodeOf(child), exitCodes.interrupted);
    } finally {
      process.kill(server, 'SIGKILL');
    }
    assert.equal(await runStatus('twice'), 'running', 'the orderly end had not come');
    const { exitCode, stdout } = await bench.command(['report', await runDirectory('twice')]);
    assert.equal(exitCode, exitCodes.fine);
    assert.match(stdout, /sequential/u);
  });

  test('by kill -9 in the middle leaves a run that `report` renders, and no process behind', async () => {
    const child = await startRun('killed');
    const children = (await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')).trim().split(' ');
    assert.equal(children.length, 3, 'server, link emulator and sampler');
    child.kill('SIGKILL');
    await exitCodeOf(child);
    assert.equal(await runStatus('killed'), 'running');
    const { exitCode, stdout } = await bench.command(['report', await runDirectory('killed'), '--json']);
    assert.equal(exitCode, exitCodes.fine);
    const report = JSON.parse(stdout) as Report;
    assert.ok((report.cases[0]?.strategies[0]?.trials.filter(({ status }) => status === 'completed').length ?? 0) >= 2);
    const deadline = Date.now() + GIVE_UP_MS;
    const isAlive = (pid: string): boolean => {
      try {
        return process.kill(Number(pid), 0);
      } catch {
        return false;
      }
    };
    while (children.some(isAlive) && Date.now() < deadline) await sleep(50);
    assert.deepEqual(children.filter(isAlive), []);
  });

  test('by the death of its server fails that trial only: the others go on, exit 3', async () => {
    const file = await bench.scenario('server-death', [
      'link: { roundTrip: 100 ms }',
      'strategies: [ { name: sequential } ]',
      'trials: { repeats: 4, warmUp: 0 }',
    ]);
    const child = spawn(process.execPath, [main, 'run', file, '--out', 'server-death'], {
      cwd: bench.folder,
      env: { ...process.env, ...bench.env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr?.resume();
    await measuredTrials('server-death', 1);
    const server = await serverOf(child);
    await sleep(150);
    process.kill(server, 'SIGKILL');
    assert.equal(await exitCodeOf(child), exitCodes.trials);
    const report = JSON.parse(
      await readFile(join(await runDirectory('server-death'), 'report.json'), 'utf8'),
    ) as Report;
    const trials = report.cases[0]?.strategies[0]?.trials ?? [];
    assert.deepEqual(trials.map(({ status }) => status).toSorted(), ['completed', 'completed', 'completed', 'failed']);
    assert.match(trials.find(({ status }) => status === 'failed')?.error?.message ?? '', /connection|server/u);
    assert.equal(report.status, 'completed');
  });
});
