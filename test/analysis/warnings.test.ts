import assert from 'node:assert/strict';
import { test } from 'node:test';

import { summarise } from '../../src/analysis/summarise.ts';
import { metric } from '../../src/model/metric.ts';
import type { RunData, TrialRecord } from '../../src/model/records.ts';
import {
  caseRecord,
  caseSettings,
  image,
  matrixRun,
  quickRun,
  quickTrials,
  runRecord,
  sequential,
  trial,
} from './synthetic-run.ts';

function codes(data: RunData): readonly string[] {
  return summarise(data).report.warnings.map(({ code }) => code);
}

function sentence(data: RunData, code: string): string {
  return summarise(data).report.warnings.find((warning) => warning.code === code)?.sentence ?? '';
}

const samples = { formatVersion: 1, intervalMs: 100, columns: [], unavailable: {}, rows: [] };
const noZeros = {
  ...image,
  zeroChunkCount: 0,
  dataBytes: image.sizeBytes,
  uniqueBytes: image.sizeBytes,
  storedBytes: image.sizeBytes,
};

function quietRun(): RunData {
  const settings = caseSettings({ link: { roundTripMs: 0, jitterMs: 0 } });
  const record = caseRecord(settings, { image: noZeros });
  const trials = quickTrials(record).map((one): TrialRecord => {
    const { spans: _spans, ...rest } = one;
    return rest;
  });
  return { run: runRecord([record]), trials, samples };
}

test('a quiet run over a plain link with a full image has no warnings', () => {
  assert.deepEqual(codes(quietRun()), []);
});

test('zeros, repeats and compression say by how much they inflate', () => {
  const record = caseRecord(undefined, {
    image: { ...image, uniqueBytes: image.dataBytes * 0.75, storedBytes: image.dataBytes * 0.3 },
  });
  const data = { ...quickRun(), run: runRecord([record]) };
  assert.match(sentence(data, 'zeros-inflate-logical-rate'), /^10 % of the image .* 1\.11 times/u);
  assert.match(sentence(data, 'repeats-inflate-data-rate'), /^25 % of the data/u);
  assert.match(sentence(data, 'compression-inflates-data-rate'), /2\.50 times smaller/u);
});

test('a link that is not the one asked for is reported, within tolerance it is not', () => {
  const link = { roundTripMs: { median: 33, p95: 45, samples: 50 }, rateBytesPerSecond: metric(200_000_000) };
  const record = caseRecord(undefined, { link });
  const data = { ...quickRun(), run: runRecord([record]) };
  assert.match(sentence(data, 'round-trip-differs'), /measured as 33 ms where 30 ms/u);
  assert.match(sentence(data, 'link-rate-differs'), /200 MB\/s where 313 MB\/s/u);
  assert.match(sentence(data, 'round-trip-jitter'), /45 ms or more, the median 33 ms/u);
  const within = codes(quickRun());
  for (const code of ['round-trip-differs', 'link-rate-differs', 'round-trip-jitter'])
    assert.ok(!within.includes(code));
});

test('failed, unproven and too few trials are counted', () => {
  const record = caseRecord();
  const trials = [
    trial(record, sequential, 0),
    trial(record, sequential, 1, {
      changes: { status: 'failed', error: { code: 'stalled', message: 'no chunk for 30 s' } },
    }),
    trial(record, sequential, 2, {
      changes: { verified: false, proof: { method: 'crc32-per-chunk', problems: ['slot 7 differs'] } },
    }),
  ];
  const data = { run: runRecord([record]), trials };
  assert.match(sentence(data, 'trials-failed'), /^1 of 3 trials of sequential failed \(no chunk for 30 s\)/u);
  assert.match(sentence(data, 'trials-not-verified'), /^1 of 3 trials .* \(slot 7 differs\)/u);
  assert.match(sentence(data, 'few-trials'), /^Measured trials are few: 1 of sequential\./u);
});

test('a small buffer and a busy emulator are named with their figures', () => {
  const record = caseRecord();
  const trials = [0, 1, 2].map((block) => trial(record, sequential, block, { load: { bufferWaits: 12, relay: 0.75 } }));
  const data = { run: runRecord([record]), trials };
  assert.match(sentence(data, 'buffer-lowered-window'), /^12 fetches of sequential .*256 MiB.* 1\.0 of its 1 chunks/u);
  assert.match(sentence(data, 'emulator-near-ceiling'), /^75 % of what the link emulator/u);
});

test('trials that scatter are called noisy', () => {
  const record = caseRecord();
  const trials = [1, 1.5, 0.8].map((scale, block) => trial(record, sequential, block, { scale }));
  assert.ok(codes({ run: runRecord([record]), trials }).includes('noisy-trials'));
});

test('what was not recorded or not run is said once', () => {
  const data = quickRun();
  assert.ok(codes(data).includes('sampler-missing'));
  assert.ok(!codes({ ...data, samples }).includes('sampler-missing'));
  const recorded = quickRun({ warnings: [{ code: 'sampler-missing', sentence: 'It ended with code 1.' }] });
  assert.equal(codes(recorded).filter((code) => code === 'sampler-missing').length, 1);
  const off = { ...data.run, trialSettings: { ...data.run.trialSettings, recording: false } };
  assert.ok(codes({ ...data, run: off }).includes('recording-off'));
  assert.match(sentence({ ...data, trials: data.trials.slice(0, 4) }, 'trials-not-run'), /^6 of 10 planned trials/u);
  const interrupted = { ...data.run, status: 'interrupted' as const };
  assert.match(sentence({ run: interrupted, trials: data.trials.slice(0, 4) }, 'run-incomplete'), /^4 of 10 planned/u);
});

test('a warning of all cases is said once, one of some cases names them', () => {
  const data = matrixRun();
  const slow = data.trials.map((one) =>
    one.case === 1 && one.block < 3 ? { ...one, status: 'failed' as const } : one,
  );
  const { warnings } = summarise({ ...data, trials: slow }).report;
  assert.equal(warnings.filter(({ code }) => code === 'zeros-inflate-logical-rate').length, 1);
  assert.ok(
    warnings.some(
      ({ code, sentence: text }) => code === 'trials-failed' && text.startsWith('link.roundTrip 10 ms: 3 of 5'),
    ),
  );
});

test('warnings that the run recorded come first', () => {
  const data = quickRun({ warnings: [{ code: 'from-harness', sentence: 'The clock jumped.' }] });
  assert.equal(codes(data)[0], 'from-harness');
});

test('CPU that went to other programs is told apart from that of the run', () => {
  const data = quickRun();
  const rows = Array.from({ length: 60 }, (_, index) => [index * 1000, index * 1600, index * 1500, 0]);
  const columns = [
    { name: 'timeMs', kind: 'gauge' },
    { name: 'cpu.busyMs', kind: 'counter' },
  ] as const;
  const busy = { ...samples, columns, rows: rows.map((row) => row.slice(0, 2)) };
  // 1.6 of 2 cores busy; the run's own processes use 0.15 + 0.1 + 0.05 of them.
  assert.match(
    sentence({ ...data, samples: busy }, 'other-load'),
    /^50 % of this machine's CPU went to other programs/u,
  );
  const idle = { ...busy, rows: busy.rows.map(([time = 0]) => [time, time * 0.62]) };
  assert.ok(!codes({ ...data, samples: idle }).includes('other-load'));
  const stolen = { ...busy, columns: [...columns, { name: 'cpu.stealMs', kind: 'counter' as const }] };
  const rate = { ...stolen, rows: busy.rows.map(([time = 0, used = 0]) => [time, used, time * 0.2]) };
  assert.match(sentence({ ...data, samples: rate }, 'cpu-stolen'), /^10 % of this machine's CPU was stolen/u);
});

test('the rate of all connections and that of one are each held against their own request', () => {
  const settings = caseSettings({
    link: { roundTripMs: 0, jitterMs: 0, rateBytesPerSecond: 400e6, connectionRateBytesPerSecond: 100e6 },
  });
  const warningsOf = (all: number, one?: number): readonly string[] => {
    const link = {
      roundTripMs: { median: 0.1, p95: 0.2, samples: 50 },
      rateBytesPerSecond: metric(all),
      ...(one === undefined ? {} : { connectionRateBytesPerSecond: metric(one) }),
    };
    const { warnings } = summarise({ run: runRecord([caseRecord(settings, { link })]), trials: [] }).report;
    return warnings.flatMap(({ code, sentence: text }) => (code === 'link-rate-differs' ? [text] : []));
  };
  assert.deepEqual(warningsOf(396e6, 99e6), []);
  assert.deepEqual(warningsOf(396e6), []);
  const [all] = warningsOf(300e6, 99e6);
  assert.match(all ?? '', /^The link was measured to pass 300 MB\/s where 400 MB\/s/u);
  const [one] = warningsOf(396e6, 80e6);
  assert.match(one ?? '', /^One connection of the link was measured to pass 80\.0 MB\/s where 100 MB\/s/u);
});

test('shares of the machine are of its own cores, not of those that the run may use', () => {
  const data = quickRun();
  const columns = ['timeMs', 'cpu.busyMs', ...[0, 1, 2, 3, 4, 5, 6, 7].map((core) => `core.${core}.busyMs`)].map(
    (name) => ({ name, kind: 'counter' as const }),
  );
  // 3.2 of 8 cores are busy, of which the run's processes use 0.6: 33 % of the machine went to others.
  const rows = Array.from({ length: 60 }, (_, index) => [index * 1000, index * 3200]);
  assert.match(sentence({ ...data, samples: { ...samples, columns, rows } }, 'other-load'), /^3\d % of this machine/u);
});
