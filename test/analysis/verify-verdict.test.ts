import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { summariseVerify } from '../../src/analysis/summarise-verify.ts';
import { judgeVerify } from '../../src/analysis/verify-verdict.ts';
import { metricValue } from '../../src/model/metric.ts';
import { verifyOf, type PlantedVerify } from './synthetic-verify.ts';

const MiB = 1024 * 1024;

describe('the verdict on a verify', () => {
  const cases: readonly (readonly [what: string, planted: PlantedVerify, code: string, next: RegExp])[] = [
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
      'as many reads at a time as there can be',
      { readThreads: 32, verifyThreads: 32, chunks: 4000, waitingMs: 12 },
      'serialised-by-latency',
      /^There are no more read threads/u,
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

  it('knows no rate and no share of anything where no chunk was read', () => {
    const { throughput, use, verdict } = summariseVerify({ record: verifyOf({ chunks: 0 }) });
    for (const rate of Object.values(throughput)) assert.ok('unavailable' in rate, JSON.stringify(throughput));
    for (const { resource, utilization } of use.slice(0, 2)) assert.ok('unavailable' in utilization, resource);
    assert.match(verdict.sentence, /^No chunk was read/u);
  });

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
