import assert from 'node:assert/strict';
import { test } from 'node:test';

import { summarise } from '../../src/analysis/summarise.ts';
import type { RunData } from '../../src/model/records.ts';
import type { Evidence, Verdict } from '../../src/model/report.ts';
import { realRun, realServer, sampledCores } from './real-run.ts';
import { sequential, trial, windowUnordered } from './synthetic-run.ts';

const verdictOf = (data: RunData): Verdict => summarise(data).report.verdict;
const evidenceOf = (data: RunData, name: string): Evidence | undefined =>
  verdictOf(data).evidence.find((one) => one.name === name);
const warning = (data: RunData, wanted: string): string =>
  summarise(data).report.warnings.find(({ code }) => code === wanted)?.sentence ?? '';

const spread = { queued: 0, waiting: 3, receiving: 4, decoding: 3, held: 0, writing: 2 };
const window = { strategies: [windowUnordered] };
const file = { kind: 'file', path: '/x' } as const;

test("a full machine is named before anything beyond it, and what others took of it, though the server's part is unknown", () => {
  const full = realRun(window, {}, sampledCores(0.96875));
  const { code, next, sentence } = verdictOf(full);
  assert.equal(code, 'inconclusive');
  assert.match(sentence, /97 % busy \(cores of this machine, all programs\)/u);
  assert.match(next, /^The cores of this machine were 97 % busy/u);
  assert.deepEqual(evidenceOf(full, 'cores of this machine, all programs'), {
    name: 'cores of this machine, all programs',
    measured: { value: 0.96875 },
    threshold: '>= 0.9',
    met: true,
  });
  assert.match(warning(full, 'other-load'), /^82 % of this machine's CPU went to other programs \(to the server too/u);
});

test('one chunk at a time that waits on a full machine is not called latency', () => {
  const alone = { strategies: [sequential] };
  assert.equal(verdictOf(realRun(alone)).code, 'serialised-by-latency');
  assert.equal(verdictOf(realRun(alone, {}, sampledCores(0.96875))).code, 'inconclusive');
});

test('a client that fills the cores of this machine is the limit, wherever the server is', () => {
  const busy = realRun(window, { load: { allThreads: 0.9375 } }, sampledCores(0.96875));
  assert.equal(verdictOf(busy).code, 'client-cpu');
  assert.match(verdictOf(busy).next, /^The cores of this machine were 97 % busy/u);
  assert.match(verdictOf(realRun(window, { load: { client: 0.96 } })).next, /^Raise decodeThreads/u);
  assert.deepEqual(evidenceOf(busy, 'all cores, most by the client')?.measured, { value: 0.9375 });
  assert.equal(warning(busy, 'other-load'), '');
});

test('nothing is said of other load on a quiet machine', () => {
  const quiet = realRun(window);
  assert.equal(warning(quiet, 'other-load'), '');
  assert.match(verdictOf(quiet).next, /^Nothing on this side limits it/u);
});

test('what comes next is neither done already nor refused', () => {
  const next = (settings: Parameters<typeof realRun>[0]): string =>
    verdictOf(realRun(settings, { lengths: spread })).next;
  assert.match(next({ ...window, target: file }), /: double inFlight .*, then use target: \{ kind: discard \}\./u);
  assert.match(next(window), /: double inFlight \(with server\.maxInFlight\)\. /u);
  assert.match(next({ strategies: [sequential] }), /: run window-unordered beside sequential\. /u);
  assert.match(verdictOf(realRun({ strategies: [sequential] })).next, /^Run window-unordered beside it/u);
});

test('a rate that the scenario sets itself is named where it was reached, and nothing beyond it', () => {
  const limited = (maxRateBytesPerSecond: number): Verdict =>
    verdictOf(realRun({ strategies: [sequential], server: { ...realServer, maxRateBytesPerSecond } }));
  const [one] = realRun({ strategies: [sequential] }).trials;
  const wire = ((one?.bytes?.wire ?? 0) * 1000) / (one?.durationMs ?? 0);
  assert.ok(wire > 0);
  const reached = limited(wire * 1.05);
  assert.equal(reached.code, 'inconclusive');
  assert.match(reached.sentence, /95 % busy \(rate that the scenario allows \(server\.maxRate\)\)/u);
  assert.match(reached.next, /^The scenario itself limits the rate \(server\.maxRate\)/u);
  assert.equal(limited(wire * 10).code, 'serialised-by-latency');
});

test('trials that scatter ask for more of a real image only where a part of it was restored', () => {
  const noisy = (server: Partial<typeof realServer & { sampleBytes: number }>): string => {
    const data = realRun({ ...window, server: { ...realServer, ...server } });
    const [record] = data.run.cases;
    assert.ok(record !== undefined);
    const trials = [1, 1.5, 0.8].map((scale, block) => trial(record, windowUnordered, block, { scale }));
    return warning({ ...data, trials }, 'noisy-trials');
  };
  assert.match(noisy({ sampleBytes: 1e9 }), /too short an image: raise trials\.repeats or server\.sample, or use/u);
  assert.match(noisy({}), /Other load: raise trials\.repeats, or use/u);
});
