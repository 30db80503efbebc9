import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { ByteScanner } from '../../src/metrics/byte-scanner.ts';
import { parseProcessStat, ProcessFiles } from '../../src/metrics/process-files.ts';
import { ProcessSampler } from '../../src/metrics/watched-processes.ts';
import { recorded, recordedSources, sampleOnce } from './recorded-machine.ts';

test('reads a process whose name holds blanks and parentheses, and sums its threads', () => {
  const { proc, scanner } = recordedSources();
  using files = new ProcessFiles(proc, 4242, scanner);
  assert.deepEqual(files.read(true), {
    parentPid: 2938,
    sessionId: 2939,
    cpuMs: 1650,
    endedChildrenCpuMs: 30_380,
    threads: 2,
    startTicks: 114_331,
    residentBytes: 4636 * 1024,
    voluntarySwitches: 205,
    involuntarySwitches: 75,
    io: { readBytes: 59_633_664, writeBytes: 3_047_424 },
    run: { runMs: 1660, waitMs: 290, mainRunMs: 1500, mainWaitMs: 250 },
    isDetailed: true,
  });
  assert.equal(files.read(false).isDetailed, false);
  assert.throws(() => new ProcessFiles(proc, 4243, scanner), /ENOENT/u);
});

test('a stat file cut short is no stat file', () => {
  assert.equal(parseProcessStat(ByteScanner.of('12 (node) S 1 2 3')), undefined);
  assert.equal(parseProcessStat(ByteScanner.of('')), undefined);
});

test('a role keeps its counters when another process takes it over, and details come about once a second', () => {
  let now = 0;
  using sampler = new ProcessSampler(recordedSources({ now: () => now }), { client: 4242, sampler: 4242, server: 9 });
  const first = sampleOnce(sampler);
  assert.equal(first['process.client.cpuMs'], 1650);
  assert.equal(first['process.client.writeBytes'], 3_047_424);
  assert.equal(first['process.server.cpuMs'], null);
  assert.match(sampler.unavailable['process.server'] ?? '', /^not sampled/u);

  now = 250;
  const second = sampleOnce(sampler);
  assert.equal(second['process.client.mainRunMs'], 1500);
  assert.equal(second['process.client.writeBytes'], null);
  assert.equal(second['process.client.residentBytes'], null);

  sampler.watch({ client: 9, sampler: 4242 });
  assert.equal(sampleOnce(sampler)['process.client.cpuMs'], null);
  sampler.watch({ client: 4242, sampler: 4242 });
  assert.equal(sampleOnce(sampler)['process.client.cpuMs'], 1650);
});

test('processes that share a role are summed, and the sum goes on when one of them has ended', () => {
  const proc = mkdtempSync(join(tmpdir(), 'restorelab-proc-'));
  try {
    for (const pid of ['4242', '4243']) cpSync(join(recorded, 'proc', '4242'), join(proc, pid), { recursive: true });
    // Threads are read by their ids, of which the main one is that of the process.
    renameSync(join(proc, '4243', 'task', '4242'), join(proc, '4243', 'task', '4243'));
    using sampler = new ProcessSampler(recordedSources({ proc }), { server: [4242, 4243], sampler: 4242 });
    const both = sampleOnce(sampler);
    assert.equal(both['process.server.cpuMs'], 2 * 1650);
    assert.equal(both['process.server.residentBytes'], 2 * 4636 * 1024);
    assert.equal(both['process.sampler.cpuMs'], 1650);
    sampler.watch({ server: [4243], sampler: 4242 });
    assert.equal(sampleOnce(sampler)['process.server.cpuMs'], 2 * 1650);
  } finally {
    rmSync(proc, { recursive: true });
  }
});
