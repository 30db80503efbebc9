import assert from 'node:assert/strict';
import { test } from 'node:test';

import { summarise } from '../../src/analysis/summarise.ts';
import type { CaseSettings } from '../../src/model/environment.ts';
import { unavailable } from '../../src/model/metric.ts';
import type { TrialRecord } from '../../src/model/records.ts';
import type { Verdict, VerdictCode } from '../../src/model/report.ts';
import {
  caseRecord,
  caseSettings,
  quickRun,
  runRecord,
  sequential,
  trial,
  windowUnordered,
  type Load,
  type TrialOptions,
} from './synthetic-run.ts';

const blocks = [0, 1, 2];

function verdictOf(options: TrialOptions, strategy: typeof sequential = sequential): Verdict {
  const record = caseRecord(caseSettings({ strategies: [strategy] }));
  const trials = blocks.map((block) => trial(record, strategy, block, options));
  return summarise({ run: runRecord([record]), trials }).report.verdict;
}

const loads: readonly (readonly [why: string, load: Load, code: VerdictCode])[] = [
  ['its link is busy', { link: 0.93 }, 'link'],
  ['the places of its storage queue are taken', { storageSlots: 0.97 }, 'storage'],
  ['the bandwidth of its storage is used up', { storageBandwidth: 0.95 }, 'storage'],
  ['it writes all the time', { writing: 0.92, proof: 0.02 }, 'target'],
  ['the emulator works all the time', { relay: 0.97 }, 'emulator-bound'],
  ['the main thread of the client works all the time', { client: 0.96 }, 'client-cpu'],
  ['the event loop is never idle', { eventLoop: 0.95 }, 'client-cpu'],
  ['its decode threads work all the time', { decode: 0.94 }, 'client-cpu'],
  ['all cores are used, most by the client', { allThreads: 0.8 }, 'client-cpu'],
  ['all cores are used, most by the server', { allThreads: 0.2, serverThreads: 0.75 }, 'server-cpu'],
  ['the server works all the time', { server: 0.96 }, 'server-cpu'],
];

for (const [why, load, code] of loads) {
  test(`a restore is limited by ${code} when ${why}`, () => {
    const verdict = verdictOf({ load });
    assert.equal(verdict.code, code);
    assert.equal(
      verdict.evidence.filter(({ met, threshold }) => met && /^>= 0\.(9|85)$/u.test(threshold)).length > 0,
      true,
    );
  });
}

test('one chunk at a time that waits for its first byte is serialised by latency', () => {
  const { verdict } = summarise(quickRun()).report;
  assert.equal(verdict.code, 'serialised-by-latency');
  assert.equal(
    verdict.sentence,
    "sequential is serialised by latency: one chunk at a time, 62 % of each chunk's 58 ms is waiting for the first byte while no resource is more than 31 % busy (link, server to client); window-unordered is 4.2 times as fast (4.1-4.2).",
  );
  assert.match(verdict.next, /link\.roundTrip/u);
});

test('a full window of sixteen that waits is serialised by latency too', () => {
  const verdict = verdictOf({}, windowUnordered);
  assert.equal(verdict.code, 'serialised-by-latency');
  assert.match(verdict.sentence, /16 chunks at a time/u);
});

test('a window that stays half empty while its chunks wait is not serialised by latency', () => {
  assert.equal(verdictOf({ lanes: 8 }, windowUnordered).code, 'inconclusive');
  assert.equal(verdictOf({ lanes: 15 }, windowUnordered).code, 'serialised-by-latency');
});

test('waiting beside a resource that is rather busy is not called latency', () => {
  assert.equal(verdictOf({ load: { server: 0.84 } }).code, 'inconclusive');
});

test('time that is spread over the phases has no single limit, and the sentence says where it goes', () => {
  const verdict = verdictOf({ lengths: { queued: 0, waiting: 3, receiving: 4, decoding: 3, held: 0, writing: 2 } });
  assert.equal(verdict.code, 'inconclusive');
  assert.match(verdict.sentence, /33 % of each chunk's 12 ms is receiving/u);
});

test('slow storage with free places is latency, not storage', () => {
  const verdict = verdictOf({ load: { storageSlots: 0.6 } });
  assert.equal(verdict.code, 'serialised-by-latency');
});

test('a declared resource goes before a busier processor, which is named as close behind', () => {
  const verdict = verdictOf({ load: { link: 0.91, client: 0.99, server: 0.95 } });
  assert.equal(verdict.code, 'link');
  assert.match(verdict.sentence, /link, server to client, 91 % busy; close behind: client, main thread, 99 % busy/u);
});

test('among processors the busiest is named', () => {
  assert.equal(verdictOf({ load: { client: 0.93, server: 0.97 } }).code, 'server-cpu');
});

test('a wire rate close to the ceiling of the emulator is bound by the emulator', () => {
  const record = caseRecord(caseSettings({ strategies: [sequential] }));
  const trials = blocks.map((block) => trial(record, sequential, block));
  const run = runRecord([record], { emulatorCeilingBytesPerSecond: { value: 80_000_000 } });
  assert.equal(summarise({ run, trials }).report.verdict.code, 'emulator-bound');
});

test('the rate of connections counts those that carried chunks', () => {
  const settings = caseSettings({
    strategies: [sequential],
    link: { roundTripMs: 30, jitterMs: 0, connectionRateBytesPerSecond: 76_000_000 },
  });
  const record = caseRecord(settings);
  const verdict = (connections: number): VerdictCode =>
    summarise({
      run: runRecord([record]),
      trials: blocks.map((block) => trial(record, sequential, block, { connections })),
    }).report.verdict.code;
  assert.equal(verdict(1), 'link');
  assert.equal(verdict(2), 'serialised-by-latency');
});

test('what the scenario asks of the link changes no verdict of measured waiting', () => {
  const verdict = (roundTripMs: number): Verdict => {
    const settings = caseSettings({ strategies: [sequential], link: { roundTripMs, jitterMs: 0 } });
    const record = caseRecord(settings);
    return summarise({ run: runRecord([record]), trials: blocks.map((block) => trial(record, sequential, block)) })
      .report.verdict;
  };
  assert.deepEqual(verdict(0), verdict(500));
});

test('without counters or chunk times nothing is claimed', () => {
  const record = caseRecord(caseSettings({ strategies: [sequential] }));
  const bare = blocks.map((block): TrialRecord => {
    const { counters: _counters, spans: _spans, ...rest } = trial(record, sequential, block);
    return rest;
  });
  const { verdict } = summarise({
    run: runRecord([record], { emulatorCeilingBytesPerSecond: unavailable('not measured') }),
    trials: bare,
  }).report;
  assert.equal(verdict.code, 'inconclusive');
  assert.match(verdict.sentence, /was not recorded/u);
  assert.ok(verdict.evidence.every(({ measured, met }) => 'unavailable' in measured && !met));
});

test('a strategy of which every trial failed has the cause as its sentence', () => {
  const record = caseRecord(caseSettings({ strategies: [sequential] }));
  const failed = blocks.map((block) =>
    trial(record, sequential, block, {
      changes: {
        status: 'failed',
        verified: false,
        error: { code: 'server-gone', message: 'the server has ended', hint: 'look at its log' },
      },
    }),
  );
  const { verdict } = summarise({ run: runRecord([record]), trials: failed }).report;
  assert.equal(verdict.code, 'inconclusive');
  assert.equal(verdict.sentence, 'No trial of sequential could be measured: the server has ended.');
  assert.equal(verdict.next, 'First: look at its log; then run again.');
});

test('at the ceiling of the emulator nothing else is named, however busy it is', () => {
  const settings = caseSettings({ strategies: [sequential] });
  const record = caseRecord(settings);
  const load = { client: 0.99, server: 0.98, link: 0.95 };
  const trials = blocks.map((block) => trial(record, sequential, block, { load }));
  const run = runRecord([record], { emulatorCeilingBytesPerSecond: { value: 80_000_000 } });
  assert.equal(summarise({ run, trials }).report.verdict.code, 'emulator-bound');
});

test('a busy emulator goes before busier processors', () => {
  assert.equal(verdictOf({ load: { relay: 0.92, client: 0.99 } }).code, 'emulator-bound');
});

test('only a throttled target is counted against what is declared, whatever its proof costs', () => {
  const code = (target: CaseSettings['target'], load: Load): VerdictCode => {
    const record = caseRecord(caseSettings({ strategies: [sequential], target }));
    const trials = blocks.map((block) => trial(record, sequential, block, { load }));
    return summarise({ run: runRecord([record]), trials }).report.verdict.code;
  };
  const throttled = { kind: 'throttled', rateBytesPerSecond: 60e6 } as const;
  const file = { kind: 'file', path: '/x' } as const;
  assert.equal(code(throttled, { writing: 0.94, client: 0.99 }), 'target');
  assert.equal(code(file, { writing: 0.94, client: 0.99 }), 'client-cpu');
  assert.equal(code(throttled, { writing: 0.94, proof: 0.3 }), 'target');
});

test('what comes next is neither done already nor refused', () => {
  const lengths = { queued: 0, waiting: 3, receiving: 4, decoding: 3, held: 0, writing: 2 };
  assert.match(verdictOf({ lengths }).next, /: run window-unordered beside sequential, then raise decodeThreads\. /u);
  assert.match(verdictOf({ lanes: 8 }, windowUnordered).next, /: double inFlight, then raise decodeThreads\. /u);
  assert.doesNotMatch(verdictOf({ load: { writing: 0.92, proof: 0.02 } }).next, /kind: discard/u);
  assert.match(verdictOf({}).next, /^Run window-unordered beside it/u);
});
