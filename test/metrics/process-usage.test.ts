import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { combineUsages, readProcessUsage, usageBetween } from '../../src/metrics/process-usage.ts';
import { metric, metricValue, unavailable, type Metric } from '../../src/model/metric.ts';
import type { ProcessUsage } from '../../src/model/records.ts';
import { recorded } from './recorded-machine.ts';

const onLinux = { skip: process.platform === 'linux' ? false : 'reads /proc' };
const number = (candidate: Metric): number => metricValue(candidate) ?? Number.NaN;

test('charges a busy main thread to its process, and to the main thread', onLinux, () => {
  const before = readProcessUsage(process.pid);
  burn(150);
  const usage = usageBetween(before, readProcessUsage(process.pid));
  assert.ok(number(usage.mainThreadRunMs) > 20);
  assert.ok(number(usage.cpuMs) >= number(usage.mainThreadRunMs) * 0.99);
  assert.ok(number(usage.mainThreadRunMs) + number(usage.mainThreadWaitMs) > 100);
  assert.ok(number(usage.residentBytes) > 10_000_000);
});

test('counts threads that ended in between by the clock of the whole process', onLinux, async () => {
  const before = readProcessUsage(process.pid);
  const worker = new Worker('const end = performance.now() + 250; while (performance.now() < end);', { eval: true });
  await once(worker, 'exit');
  const usage = usageBetween(before, readProcessUsage(process.pid));
  assert.ok(number(usage.cpuMs) > 50);
  assert.ok('unavailable' in usage.allThreadsWaitMs);
  assert.equal(number(usage.allThreadsRunMs), number(usage.cpuMs));
});

test('charges children only where that is asked for', onLinux, () => {
  const before = [readProcessUsage(process.pid), readProcessUsage(process.pid, { includeChildren: true })] as const;
  spawnSync('/bin/sh', ['-c', 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done']);
  const alone = usageBetween(before[0], readProcessUsage(process.pid));
  const together = usageBetween(before[1], readProcessUsage(process.pid, { includeChildren: true }));
  assert.ok(number(together.cpuMs) - number(alone.cpuMs) >= 30, `${number(together.cpuMs)} and ${number(alone.cpuMs)}`);
});

test('several processes are charged together, and their main threads by the busiest', () => {
  const usage = (cpu: number, run: number, wait: number): ProcessUsage => ({
    cpuMs: metric(cpu),
    mainThreadRunMs: metric(run),
    mainThreadWaitMs: metric(wait),
    allThreadsRunMs: metric(cpu),
    allThreadsWaitMs: metric(wait),
    residentBytes: metric(100),
  });
  assert.deepEqual(combineUsages([usage(50, 30, 9), usage(60, 45, 2)]), {
    ...usage(110, 45, 2),
    allThreadsWaitMs: metric(11),
    residentBytes: metric(200),
  });
  const gone = unavailable('not running: the process has ended');
  const none = { ...usage(0, 0, 0), cpuMs: gone, mainThreadRunMs: gone };
  assert.deepEqual(combineUsages([usage(50, 30, 9), none]).cpuMs, gone);
  assert.deepEqual(combineUsages([usage(50, 30, 9), none]).mainThreadRunMs, gone);
});

test('a process that is gone, replaced or without schedstat has reasons instead of figures', onLinux, () => {
  const gone = readProcessUsage(2 ** 22 + 1);
  const now = readProcessUsage(process.pid);
  assert.deepEqual(usageBetween(now, gone).cpuMs, { unavailable: 'not running: the process has ended' });
  assert.deepEqual(usageBetween(gone, now).mainThreadRunMs, { unavailable: 'not running: the process has ended' });
  assert.ok('tickCpuMs' in now);
  assert.ok('unavailable' in usageBetween({ ...now, startTicks: now.startTicks - 1 }, now).cpuMs);

  const without = { ...now, threads: new Map<number, never>() };
  const usage = usageBetween(without, { ...without, tickCpuMs: without.tickCpuMs + 120 });
  assert.deepEqual(usage.cpuMs, { value: 120 });
  assert.deepEqual(usage.allThreadsWaitMs, { unavailable: 'unsupported: this kernel keeps no schedstat' });
});

test('reads a recorded process', () => {
  const snapshot = readProcessUsage(4242, { proc: `${recorded}/proc` });
  assert.ok('threads' in snapshot);
  assert.equal(snapshot.tickCpuMs, 1650);
  assert.deepEqual(snapshot.threads.get(4250), { runNs: 160_000_000, waitNs: 40_000_000 });
});

function burn(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
