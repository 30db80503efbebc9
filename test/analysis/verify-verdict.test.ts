import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { summariseVerify } from '../../src/analysis/summarise-verify.ts';
import { judgeVerify } from '../../src/analysis/verify-verdict.ts';
import { metric, metricValue, unavailable } from '../../src/model/metric.ts';
import { spanColumns, type SpanColumn } from '../../src/model/records.ts';
import { verifyFormatVersion, type VerifyRecord } from '../../src/model/verify.ts';

const MiB = 1024 * 1024;
const none = unavailable('not measured');

interface Planted {
  readonly readThreads?: number;
  readonly verifyThreads?: number;
  readonly chunks?: number;
  /** Of each chunk, milliseconds: from asking until the first byte, until the last, and what the check takes. */
  readonly waitingMs?: number;
  readonly receivingMs?: number;
  readonly checkingMs?: number;
  readonly cpuMs?: number;
  readonly status?: VerifyRecord['status'];
}

/** A verify whose read threads read one chunk after the other; what they read is checked at once. */
function verifyOf(planted: Planted): VerifyRecord {
  const { readThreads = 1, verifyThreads = 4, chunks = 100, waitingMs = 10, receivingMs = 5, checkingMs = 3 } = planted;
  const columns = Object.fromEntries(spanColumns.map((name) => [name, []])) as unknown as Record<SpanColumn, number[]>;
  const readMs = waitingMs + receivingMs;
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    const startMs = Math.floor(chunk / readThreads) * readMs;
    const ends = {
      firstByteMs: startMs + waitingMs,
      lastByteMs: startMs + readMs,
      decodedMs: startMs + readMs + checkingMs,
    };
    columns.slot.push(chunk);
    columns.connection.push(chunk % readThreads);
    columns.worker.push(1);
    columns.encodedBytes.push(MiB);
    for (const name of ['fetchCalledMs', 'requestSentMs'] as const) columns[name].push(startMs);
    columns.firstByteMs.push(ends.firstByteMs);
    for (const name of ['lastByteMs', 'decodeCalledMs', 'decodeStartedMs'] as const)
      columns[name].push(ends.lastByteMs);
    for (const name of ['decodedMs', 'writeCalledMs', 'writeStartedMs', 'writtenMs'] as const)
      columns[name].push(ends.decodedMs);
  }
  const durationMs =
    Math.max(Math.ceil(chunks / readThreads) * readMs, (chunks * checkingMs) / verifyThreads) + checkingMs;
  return {
    formatVersion: verifyFormatVersion,
    tool: { name: 'restorelab', version: '0', node: 'v24' },
    host: { platform: 'linux', arch: 'x64', cores: 4, memoryBytes: 8 * 1024 * MiB },
    startedAt: '2026-01-01T00:00:00.000Z',
    settings: { datastore: '/tank', readThreads, verifyThreads, order: 'inode' },
    status: planted.status ?? 'completed',
    snapshotCount: 1,
    archiveCount: 1,
    slotCount: 2 * chunks,
    chunkCount: chunks,
    checkedCount: chunks,
    withoutKeyCount: 0,
    bytes: {
      logical: 8 * MiB * chunks,
      data: metric(6 * MiB * chunks),
      unique: 4 * MiB * chunks,
      checked: 4 * MiB * chunks,
      read: MiB * chunks,
    },
    problems: [],
    warnings: [],
    startedAtMs: 0,
    durationMs,
    readBusyMs: chunks * readMs,
    verifyBusyMs: chunks * checkingMs,
    usage: {
      cpuMs: planted.cpuMs === undefined ? none : metric(planted.cpuMs),
      mainThreadRunMs: none,
      mainThreadWaitMs: none,
      allThreadsRunMs: none,
      allThreadsWaitMs: none,
      residentBytes: none,
    },
    spans: columns,
  };
}

describe('the verdict on a verify', () => {
  const cases: readonly (readonly [what: string, planted: Planted, code: string, next: RegExp])[] = [
    [
      'one read at a time that mostly waits',
      { waitingMs: 12, receivingMs: 4 },
      'serialised-by-latency',
      /--read-threads 4\b/u,
    ],
    [
      'one read at a time that mostly transfers',
      { waitingMs: 4, receivingMs: 12 },
      'storage',
      /--read-threads 4\b.*--order/u,
    ],
    [
      'many reads at a time',
      { readThreads: 16, chunks: 2000, waitingMs: 12 },
      'serialised-by-latency',
      /--read-threads 32\b/u,
    ],
    [
      'too few verify threads',
      { readThreads: 8, verifyThreads: 1, checkingMs: 20 },
      'client-cpu',
      /more than 1 verify/u,
    ],
    ['cores that are used up', { cpuMs: 4 * 1500, chunks: 100 }, 'client-cpu', /cores are used up/u],
    ['too short a time', { chunks: 3 }, 'inconclusive', /Verify more/u],
    ['nothing to read', { chunks: 0 }, 'inconclusive', /Verify more/u],
  ];
  for (const [what, planted, code, next] of cases) {
    it(`on ${what} is ${code}`, () => {
      const verdict = judgeVerify(verifyOf(planted));
      assert.equal(verdict.code, code, JSON.stringify(verdict.evidence));
      assert.match(verdict.next, next);
      assert.match(verdict.sentence, /read threads .* busy|unknown/u);
    });
  }

  it('on threads that all wait is inconclusive', () => {
    const { code, next } = judgeVerify({ ...verifyOf({}), readBusyMs: 500 });
    assert.equal(code, 'inconclusive');
    assert.match(next, /one at a time/u);
  });
});

describe('the report of a verify', () => {
  it('has four rates over the same time, phases that add up, and what CPU it took', () => {
    const record = verifyOf({ cpuMs: 600 });
    const { throughput, phaseShares, chunkLatencyMs, cpuSecondsPerGb } = summariseVerify({ record });
    const rate = (bytes: number): number => (bytes * 1000) / record.durationMs;
    assert.deepEqual([throughput.logical, throughput.data, throughput.unique, throughput.read].map(metricValue), [
      rate(800 * MiB),
      rate(600 * MiB),
      rate(400 * MiB),
      rate(100 * MiB),
    ]);
    assert.deepEqual(Object.values(chunkLatencyMs).map(metricValue), [18, 18, 18, 18]);
    assert.equal(metricValue(cpuSecondsPerGb), 0.6 / ((400 * MiB) / 1e9));
    const { waiting = 0, receiving = 0, decoding = 0 } = phaseShares;
    assert.ok(Math.abs(waiting - 10 / 18) + Math.abs(receiving - 5 / 18) + Math.abs(decoding - 3 / 18) < 1e-9);
  });

  it('leaves out what cannot be known', () => {
    const { throughput, use } = summariseVerify({ record: verifyOf({ status: 'interrupted' }) });
    assert.match(JSON.stringify(throughput.logical), /interrupted/u);
    assert.ok(metricValue(throughput.unique) !== undefined);
    for (const { utilization } of use.slice(3)) assert.equal(metricValue(utilization), undefined);
    const { spans: _, ...blind } = verifyOf({});
    const report = summariseVerify({ record: blind });
    assert.equal(metricValue(report.chunkLatencyMs.p50), undefined);
    assert.equal(report.verdict.code, 'storage', 'reads fill the time, and nothing says that they wait');
  });
});
