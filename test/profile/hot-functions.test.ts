import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { cpuProfileFunctions } from '../../src/profile/cpu-profile-functions.ts';
import { doctorVerdict } from '../../src/profile/clinic-doctor.ts';
import { tickFunctions } from '../../src/profile/tick-functions.ts';
import type { CpuProfile } from '../../src/process/cpu-profiler.ts';

const ours = (file: string): string => new URL(`../../src/${file}`, import.meta.url).href;

interface PlantedNode {
  readonly id: number;
  readonly name: string;
  readonly url?: string;
  readonly line?: number;
  readonly children?: readonly number[];
}

function profileOf(nodes: readonly PlantedNode[], samples: number[], timeDeltas: number[]): CpuProfile {
  return {
    nodes: nodes.map(({ id, name, url = '', line = 0, children }) => ({
      id,
      callFrame: { functionName: name, scriptId: '0', url, lineNumber: line, columnNumber: 0 },
      ...(children === undefined ? {} : { children: [...children] }),
    })),
    startTime: 0,
    endTime: 0,
    samples,
    timeDeltas,
  };
}

const nodes: readonly PlantedNode[] = [
  { id: 1, name: '(root)', children: [2, 3, 6] },
  { id: 2, name: '(idle)' },
  { id: 3, name: 'decodeChunk', url: ours('decode/decode-chunk.ts'), line: 22, children: [4] },
  { id: 4, name: 'update', url: 'node:internal/crypto/hash', line: 9, children: [5] },
  { id: 5, name: 'update' },
  { id: 6, name: 'wait', url: ours('decode/thread-memory.ts'), line: 1 },
];

test('a sample of the inspector counts for the time until the next, idle and waiting ones not at all', () => {
  const profile = profileOf(nodes, [3, 2, 6, 5, 3], [0, 100, 5000, 7000, 300, 200]);
  assert.deepEqual(cpuProfileFunctions([{ thread: 'main', profile }]), [
    { thread: 'main', name: 'decodeChunk', location: 'src/decode/decode-chunk.ts:23', selfShare: 0.5 },
    {
      thread: 'main',
      name: 'update',
      caller: 'decodeChunk (src/decode/decode-chunk.ts:23)',
      selfShare: 0.5,
    },
  ]);
});

test('threads that run the same module are one row each function', () => {
  const profile = profileOf(nodes, [3, 4], [0, 100, 100]);
  const found = cpuProfileFunctions([
    { thread: 'decode worker 1', profile },
    { thread: 'decode worker 2', profile },
  ]);
  assert.deepEqual(
    found.map(({ thread, name, selfShare }) => [thread, name, selfShare]),
    [
      ['decode worker (2 threads)', 'decodeChunk', 0.5],
      ['decode worker (2 threads)', 'update', 0.5],
    ],
  );
});

test('shares of any profile are of the time at work and never more than all of it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ id: fc.integer({ min: 0, max: 6 }), delta: fc.integer({ min: -5, max: 1000 }) })),
      (samples) => {
        const profile = profileOf(
          nodes,
          samples.map(({ id }) => id),
          samples.map(({ delta }) => delta),
        );
        const shares = cpuProfileFunctions([{ thread: 'main', profile }]).map(({ selfShare }) => selfShare);
        assert.ok(shares.every((share) => share > 0 && share <= 1));
        assert.ok(shares.length === 0 || Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
        assert.deepEqual(
          shares,
          shares.toSorted((a, b) => b - a),
        );
      },
    ),
  );
});

test('a sample of 0x counts for the JavaScript on top of its stack, with the function of ours that called it', () => {
  const root = { name: `start ${ours('main.ts')}:3:1`, type: 'JS' };
  const decode = { name: `decodeChunk ${ours('decode/decode-chunk.ts')}:23:28`, type: 'JS' };
  const hash = { name: 'update node:internal/crypto/hash:146:38', type: 'JS' };
  const native = { name: '/usr/lib/libc.so.6', type: 'SHARED_LIB' };
  const nameless = { name: ` ${ours('decode/worker.ts')}:30:5`, type: 'JS' };
  const text = JSON.stringify([
    [root, decode, hash, native],
    [root, decode, hash],
    [root, decode, native],
    [root, nameless],
    [native],
    [],
  ]);
  assert.deepEqual(tickFunctions(text), [
    {
      thread: 'main',
      name: 'update',
      location: 'node:internal/crypto/hash:146',
      caller: 'decodeChunk (src/decode/decode-chunk.ts:23)',
      selfShare: 0.5,
    },
    { thread: 'main', name: 'decodeChunk', location: 'src/decode/decode-chunk.ts:23', selfShare: 0.25 },
    { thread: 'main', name: '(anonymous)', location: 'src/decode/worker.ts:30', selfShare: 0.25 },
  ]);
});

test('samples that are not of 0x are damage, whatever they are', () => {
  for (const text of ['', '{}', '[[{"name":1}]]', '[[{"name":"a"}]]']) {
    assert.throws(() => tickFunctions(text), { code: 'profile-damaged', exitCode: 1 });
  }
  fc.assert(
    fc.property(fc.string(), (name) => {
      const found = tickFunctions(JSON.stringify([[{ name, type: 'JS' }]]));
      assert.equal(found.length, 1);
      assert.equal(found[0]?.selfShare, 1);
    }),
  );
});

test('the verdict of clinic-doctor is told with what it thinks of each part', () => {
  const issues = { delay: 'performance', cpu: 'none', memory: { rss: 'none', heapUsed: 'performance' } };
  const page = (data: string): string =>
    `<html><script type="application/json" id="clinic-data">${data}</script></html>`;
  assert.equal(
    doctorVerdict(page(JSON.stringify({ analysis: { issueCategory: 'event-loop', issues } }))),
    'Clinic detected a potential Event Loop issue (delay performance, cpu none, memory performance).',
  );
  assert.match(doctorVerdict(page('{"analysis":{"issueCategory":"new-kind"}}')) ?? '', /detected new-kind/u);
  for (const text of ['<html></html>', page('{'), page('{}')]) assert.equal(doctorVerdict(text), undefined);
});
