import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { SamplerCalls } from '../../src/metrics/control.ts';
import { readProcessUsage, usageBetween } from '../../src/metrics/process-usage.ts';
import { DEFAULT_SAMPLE_INTERVAL_MS } from '../../src/metrics/sample-interval.ts';
import { Sampler } from '../../src/metrics/sampler.ts';
import { metricValue } from '../../src/model/metric.ts';
import type { SampleTable } from '../../src/model/records.ts';
import { ServiceProcess } from '../../src/process/service-process.ts';
import { recordedSources } from './recorded-machine.ts';

const entry = new URL('../../src/metrics/main.ts', import.meta.url);
const onLinux = { skip: process.platform === 'linux' ? false : 'reads /proc' };

test('the whole of a recorded machine is one header and whole rows', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'samples.jsonl');
  const sampler = new Sampler({ file, intervalMs: 60_000, processes: {}, ports: [] }, recordedSources(), 4242);
  sampler.stop();
  const table = readTable(file);
  assert.equal(table.rows.length, 2);
  assert.equal(table.columns[0]?.name, 'timeMs');
  assert.ok(table.rows.every((row) => row.length === table.columns.length));
  assert.equal(new Set(table.columns.map(({ name }) => name)).size, table.columns.length);
  assert.equal(table.unavailable['connections'], 'not sampled: no ports were given');
  assert.equal(lastOf(table, 'process.sampler.cpuMs'), 1650);
  assert.equal(lastOf(table, 'process.sampler.residentBytes'), 4636 * 1024);
});

test('a system without /proc gets times and reasons', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'samples.jsonl');
  const sources = recordedSources({ proc: '/nowhere/proc', sys: '/nowhere/sys', platform: 'darwin' });
  const sampler = new Sampler({ file, intervalMs: 60_000, processes: {}, ports: [8007] }, sources, 1);
  sampler.stop();
  const { unavailable, rows } = readTable(file);
  assert.equal(rows.length, 2);
  for (const name of ['cpu', 'runQueue', 'memory', 'disk', 'interface', 'tcp', 'connections', 'process.sampler']) {
    assert.match(unavailable[name] ?? '', /^unsupported: darwin/u, name);
  }
});

test('a file that is there already is left alone', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'samples.jsonl');
  const options = { file, intervalMs: 60_000, processes: {}, ports: [] };
  new Sampler(options, recordedSources(), 4242).stop();
  assert.throws(() => new Sampler(options, recordedSources(), 4242), /EEXIST/u);
});

test('samples its processes and connections, goes on after one was replaced, and costs little', onLinux, async (t) => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'samples.jsonl');
  await using sampler = await ServiceProcess.start<SamplerCalls>('sampler', entry);
  await using traffic = await startTraffic();
  using first = startIdle();
  using second = startIdle();
  const options = { file, intervalMs: DEFAULT_SAMPLE_INTERVAL_MS, ports: [traffic.port] };
  const header = await sampler.call('start', { ...options, processes: { client: process.pid, server: first.pid } });
  const before = readProcessUsage(sampler.pid, { includeChildren: true });
  const startedAt = performance.now();

  await sleep(700);
  first.kill();
  await sleep(600);
  await sampler.call('watch', { processes: { client: process.pid, server: second.pid } });
  await sleep(900);
  const usage = usageBetween(before, readProcessUsage(sampler.pid, { includeChildren: true }));
  const seconds = (performance.now() - startedAt) / 1000;
  const cost = (metricValue(usage.cpuMs) ?? Number.NaN) / seconds;
  t.diagnostic(`the sampler and ss used ${cost.toFixed(1)} ms of CPU per second`);
  assert.ok(cost < 60, `${cost} ms of CPU per second`);
  await sampler.call('stop');

  const table = readTable(file);
  assert.deepEqual(table.columns, header.columns);
  const server = columnOf(table, 'process.server.cpuMs');
  assert.match(server.map((value) => (value === null ? '-' : 'x')).join(''), /^x+-+x+$/u);
  const known = server.filter((value) => value !== null);
  assert.deepEqual(
    known,
    known.toSorted((a, b) => a - b),
  );
  const times = columnOf(table, 'timeMs');
  const now = Number(process.hrtime.bigint()) / 1e6;
  assert.ok(times.every((time) => time !== null && time <= now && time > now - 60_000));
  if ('connections' in table.unavailable) {
    assert.equal(table.unavailable['connections'], 'not installed: ss');
    return;
  }
  assert.ok(columnOf(table, `connections.${traffic.port}.count`).includes(1));
  assert.ok(columnOf(table, `connections.${traffic.port}.roundTripMs`).some((value) => value !== null && value > 0));
});

const columnOf = (table: SampleTable, name: string): readonly (number | null)[] => {
  const place = table.columns.findIndex((column) => column.name === name);
  assert.ok(place >= 0, name);
  return table.rows.map((row) => row[place] ?? null);
};

const lastOf = (table: SampleTable, name: string): number | null => columnOf(table, name).at(-1) ?? null;

function readTable(file: string): SampleTable {
  const [header = '', ...rows] = readFileSync(file, 'utf8').trimEnd().split('\n');
  return {
    ...(JSON.parse(header) as Omit<SampleTable, 'rows'>),
    rows: rows.map((row) => JSON.parse(row) as (number | null)[]),
  };
}

function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'restorelab-sampler-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

interface IdleProcess extends Disposable {
  readonly pid: number;
  kill(): void;
}

function startIdle(): IdleProcess {
  const child: ChildProcess = spawn('sleep', ['20'], { stdio: 'ignore' });
  const kill = (): void => void child.kill('SIGKILL');
  return { pid: child.pid ?? -1, kill, [Symbol.dispose]: kill };
}

async function startTraffic(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((socket) => {
    const timer = setInterval(() => socket.write(Buffer.alloc(100_000)), 50);
    socket.on('error', () => {}).on('close', () => clearInterval(timer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  socket.resume();
  return {
    port,
    async [Symbol.asyncDispose]() {
      socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
