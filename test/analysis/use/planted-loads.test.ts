import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setImmediate as yieldToLoop, setTimeout as sleep } from 'node:timers/promises';

import { useTable } from '../../../src/analysis/use/use-table.ts';
import type { SamplerCalls } from '../../../src/metrics/control.ts';
import { readProcessUsage, usageBetween } from '../../../src/metrics/process-usage.ts';
import { metricValue, type UseRow } from '../../../src/model/metric.ts';
import type { SampleTable, TrialCounters, TrialRecord } from '../../../src/model/records.ts';
import { ServiceProcess } from '../../../src/process/service-process.ts';
import { host, plantTrial, rowOf, settings } from './planted-trial.ts';

/** `f_type` of tmpfs (linux/magic.h): writing there moves no disk. */
const TMPFS_MAGIC = 0x01021994;
const LOAD_MS = 700;
const BURNT_MS = 300;
const LOOPBACK_BYTES_PER_SECOND = 1e10;

const cores = availableParallelism();
const now = (): number => Number(process.hrtime.bigint()) / 1e6;
const utilization = (rows: readonly UseRow[], resource: string): number =>
  metricValue(rowOf(rows, resource).utilization) ?? Number.NaN;
const saturation = (rows: readonly UseRow[], resource: string): number =>
  metricValue(rowOf(rows, resource).saturation) ?? Number.NaN;

/**
 * Real loads on this machine, each of which must show in its row of the table, which is made from the file of a real
 * sampler and real process usage. Other work on the machine only adds to what is looked for.
 */
describe('a planted load moves its cell', { skip: process.platform === 'linux' ? false : 'reads /proc' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'restorelab-loads-'));
  const file = join(folder, 'samples.jsonl');
  const trials: TrialRecord[] = [];
  let samples: SampleTable | undefined;

  before(async () => {
    await using sampler = await ServiceProcess.start<SamplerCalls>(
      'sampler',
      new URL('../../../src/metrics/main.ts', import.meta.url),
    );
    await sampler.call('start', { file, intervalMs: 100, processes: { client: process.pid }, ports: [] });
    await record('processors', burnOnEveryCore);
    await record('disk', writeAndSync);
    await record('loopback', sendOverLoopback);
    await sleep(150);
    await sampler.call('stop');
    const [header = '', ...rows] = readFileSync(file, 'utf8').trimEnd().split('\n');
    samples = {
      ...(JSON.parse(header) as Omit<SampleTable, 'rows'>),
      rows: rows.map((row) => JSON.parse(row) as (number | null)[]),
    };
  });
  after(() => rmSync(folder, { recursive: true }));

  test('client cpu and its main thread, server cpu', () => {
    const rows = tableOf('processors');
    const { durationMs = 0 } = trials[0] ?? {};
    for (const role of ['client', 'server'] as const) {
      const cpuMs = utilization(rows, `${role} cpu`) * durationMs * cores;
      assert.ok(cpuMs > 0.9 * BURNT_MS && cpuMs < 2 * BURNT_MS, `${role}: ${cpuMs}`);
      assert.ok(utilization(rows, `${role} main thread`) * durationMs > 0.8 * BURNT_MS);
    }
    assert.equal(utilization(rows, 'relay cpu'), 0);
  });

  test('cpu, busiest core, run queue and its pressure', () => {
    const rows = tableOf('processors');
    assert.ok(utilization(rows, 'cpu') > 0.3);
    assert.ok(utilization(rows, 'busiest core') >= utilization(rows, 'cpu') - 0.1);
    assert.ok(utilization(rows, 'run queue') > 0.5);
    assert.ok(saturation(rows, 'run queue') > 0.5);
    const pressure = saturation(rows, 'pressure cpu');
    assert.ok(Number.isNaN(pressure) || pressure > 0.2, `${pressure}`);
  });

  test('disk', (t) => {
    if (statfsSync(folder).type === TMPFS_MAGIC) return t.skip('the temporary folder is in memory');
    const disks = tableOf('disk').filter(({ resource }) => resource.startsWith('disk '));
    if (disks.length === 0) return t.skip('no physical disk is visible here');
    const { durationMs = 0 } = trials[1] ?? {};
    const busyMs = Math.max(...disks.map(({ resource }) => utilization(disks, resource))) * durationMs;
    assert.ok(busyMs > 5, `${busyMs} ms busy in ${durationMs} ms`);
    return undefined;
  });

  test('interface', () => {
    const rows = tableOf('loopback');
    assert.ok(utilization(rows, 'interface lo') > 0.0005);
    assert.match(rowOf(rows, 'interface lo').method ?? '', / in and .* out here$/u);
  });

  const tableOf = (label: string): readonly UseRow[] => {
    assert.ok(samples !== undefined);
    return useTable({ trials, samples: withLoopbackSpeed(samples), host: { ...host, cores }, settings }, label);
  };

  /** Runs a load as a trial of a strategy with the load's name. */
  async function record(
    strategy: string,
    load: () => Promise<Partial<Pick<TrialCounters, 'client' | 'server'>>>,
  ): Promise<void> {
    const startedAtMs = now();
    const usage = await load();
    const trial = { index: trials.length, strategy, startedAtMs, durationMs: now() - startedAtMs };
    trials.push(plantTrial({ trial, usage }));
  }

  /** Two processes burn so much CPU each, whatever time that takes here, beside as many others as there are cores. */
  async function burnOnEveryCore(): Promise<Pick<TrialCounters, 'client' | 'server'>> {
    await using client = await startBurner(BURNT_MS);
    await using server = await startBurner(BURNT_MS);
    const others = await Promise.all(Array.from({ length: cores }, async () => await startBurner(10_000)));
    try {
      const usage = [readProcessUsage(client.pid), readProcessUsage(server.pid)] as const;
      for (const other of others) void other.burn();
      await Promise.all([client.burn(), server.burn()]);
      return {
        client: usageBetween(usage[0], readProcessUsage(client.pid)),
        server: usageBetween(usage[1], readProcessUsage(server.pid)),
      };
    } finally {
      await Promise.all(others.map(async (other) => await other[Symbol.asyncDispose]()));
    }
  }

  async function writeAndSync(): Promise<object> {
    const fd = openSync(join(folder, 'written'), 'w');
    const block = Buffer.alloc(32 << 20, 1);
    const end = now() + LOAD_MS;
    try {
      for (let syncs = 0; syncs < 3 || now() < end; syncs += 1) {
        writeSync(fd, block, 0, block.length, 0);
        fsyncSync(fd);
        await yieldToLoop();
      }
    } finally {
      closeSync(fd);
    }
    return {};
  }

  async function sendOverLoopback(): Promise<object> {
    const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const block = Buffer.alloc(1 << 20);
    const end = now() + LOAD_MS;
    while (now() < end) if (!socket.write(block)) await once(socket, 'drain');
    socket.destroy();
    server.close();
    await once(server, 'close');
    return {};
  }
});

interface Burner extends AsyncDisposable {
  readonly pid: number;
  /** Resolves when the process has used its CPU time; it then idles. */
  burn(): Promise<void>;
}

async function startBurner(cpuMs: number): Promise<Burner> {
  const script = `
    process.stdin.once('data', () => {
      const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
      const end = used() + ${cpuMs};
      while (used() < end);
      process.stdout.write('burnt');
    });
    process.stdout.write('ready');`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'ignore'] });
  const exit = once(child, 'exit');
  child.stdin.on('error', () => {});
  await once(child.stdout, 'data');
  return {
    pid: child.pid ?? -1,
    async burn() {
      child.stdin.write('x');
      await Promise.race([once(child.stdout, 'data'), exit]);
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}

/** The loopback has no speed to be a share of; the test gives it one. */
function withLoopbackSpeed(table: SampleTable): SampleTable {
  return {
    ...table,
    columns: [...table.columns, { name: 'interface.lo.speedBytesPerSecond', kind: 'gauge' }],
    rows: table.rows.map((row) => [...row, LOOPBACK_BYTES_PER_SECOND]),
  };
}
