import assert from 'node:assert/strict';
import { test } from 'node:test';

import { summarise } from '../../src/analysis/summarise.ts';
import { trialCount } from '../../src/report/case-tables.ts';
import { reportSchema } from '../../src/report/report-schema.ts';
import { trialsTable } from '../../src/report/run-tables.ts';
import { metric, unavailable } from '../../src/model/metric.ts';
import type { RunData, TrialRecord } from '../../src/model/records.ts';
import type { StrategyReport } from '../../src/model/report.ts';
import { caseRecord, image, matrixRun, quickRun, runRecord, sequential, trial } from './synthetic-run.ts';

function strategyOf(data: RunData, label: string): StrategyReport {
  const found = summarise(data).report.cases[0]?.strategies.find((strategy) => strategy.label === label);
  assert.ok(found !== undefined);
  return found;
}

test('the four rates are bytes over the duration of the trial', () => {
  const record = caseRecord();
  const bytes = { logical: 4_000_000, data: 3_000_000, unique: 2_000_000, wire: 1_000_000 };
  const trials = [trial(record, sequential, 0, { changes: { durationMs: 10, bytes } })];
  const { throughput } = strategyOf({ run: runRecord([record]), trials }, 'sequential');
  assert.deepEqual(throughput, {
    logical: { medianBytesPerSecond: 400_000_000 },
    data: { medianBytesPerSecond: 300_000_000 },
    unique: { medianBytesPerSecond: 200_000_000 },
    wire: { medianBytesPerSecond: 100_000_000 },
  });
});

const notCounted: readonly (readonly [name: string, changes: Partial<TrialRecord>])[] = [
  ['a warm-up', { warmUp: true }],
  ['a failed trial', { status: 'failed' }],
  ['an interrupted trial', { status: 'interrupted' }],
  ['a trial whose bytes differ', { verified: false }],
];
for (const [name, changes] of notCounted) {
  test(`${name} is listed but counts in no figure`, () => {
    const record = caseRecord();
    const good = trial(record, sequential, 0);
    const odd = trial(record, sequential, 1, { scale: 9, changes });
    const alone = strategyOf({ run: runRecord([record]), trials: [good] }, 'sequential');
    const both = strategyOf({ run: runRecord([record]), trials: [good, odd] }, 'sequential');
    assert.deepEqual({ ...both, trials: [] }, { ...alone, trials: [] });
    assert.equal(both.trials.length, 2);
  });
}

test('CPU is counted per 10^9 data bytes, the proof apart', () => {
  const record = caseRecord();
  const base = trial(record, sequential, 0);
  assert.ok(base.counters !== undefined);
  const counters = {
    ...base.counters,
    client: { ...base.counters.client, cpuMs: metric(1000) },
    server: { ...base.counters.server, cpuMs: unavailable('not permitted') },
    clientParts: { ...base.counters.clientParts, proofCpuMs: 250 },
  };
  const bytes = { logical: 500_000_000, data: 500_000_000, unique: 500_000_000, wire: 500_000_000 };
  const { cpuSecondsPerGb } = strategyOf(
    { run: runRecord([record]), trials: [{ ...base, bytes, counters }] },
    'sequential',
  );
  assert.deepEqual(cpuSecondsPerGb, {
    client: { value: 2 },
    server: { unavailable: 'not permitted' },
    proof: { value: 0.5 },
  });
});

test("Little's law holds for whole records and breaks when chunk times are missing", () => {
  const whole = strategyOf(quickRun(), 'window-unordered').littlesLaw;
  assert.ok('value' in whole.predictedInFlight && 'value' in whole.measuredInFlight);
  assert.ok(Math.abs(whole.predictedInFlight.value - whole.measuredInFlight.value) < 0.01);
  const data = quickRun();
  const halved = data.trials.map((one) => {
    const spans = one.spans;
    if (spans === undefined) return one;
    const columns = Object.entries(spans).map(([name, values]) => [name, values.slice(0, 50)]);
    return { ...one, spans: Object.fromEntries(columns) as typeof spans };
  });
  const { warnings } = summarise({ ...data, trials: halved }).report;
  assert.ok(warnings.some(({ code }) => code === 'littles-law-broken'));
});

test('an image without data has no data rate rather than a rate of 0', () => {
  const record = caseRecord(undefined, { image: { ...image, dataBytes: 0, zeroChunkCount: 100 } });
  const changes = { bytes: { logical: image.sizeBytes, data: 0, unique: 0, wire: 900 } };
  const { throughput, cpuSecondsPerGb } = strategyOf(
    { run: runRecord([record]), trials: [trial(record, sequential, 0, { changes })] },
    'sequential',
  );
  assert.deepEqual(Object.keys(throughput), ['logical', 'wire']);
  assert.deepEqual(cpuSecondsPerGb.client, { unavailable: 'the image has no data chunks' });
});

test('a run without any trial or case still gives a report', () => {
  const { report, waterfalls } = summarise({ ...quickRun(), trials: [] });
  assert.equal(report.verdict.code, 'inconclusive');
  assert.deepEqual(waterfalls, [[]]);
  const empty = summarise({
    run: runRecord([], { error: { code: 'x', message: 'no room on the disk' } }),
    trials: [],
  }).report;
  assert.equal(empty.verdict.sentence, 'The run has no case to judge: no room on the disk.');
});

test('every case has its own verdict and the first one is that of the run', () => {
  const { report } = summarise(matrixRun());
  assert.deepEqual(
    report.cases.map(({ verdict }) => verdict.code),
    ['serialised-by-latency', 'serialised-by-latency', 'serialised-by-latency', 'link'],
  );
  assert.equal(report.verdict, report.cases[0]?.verdict);
});

test('a waterfall is drawn from the middle trial and holds the first sixty chunks', () => {
  const [waterfalls] = summarise(quickRun()).waterfalls;
  const first = waterfalls?.[0];
  assert.ok(first !== undefined);
  assert.equal(first.trial, 0);
  assert.equal(first.chunks.length, 60);
  assert.equal(first.chunkCount, 90);
  assert.equal(first.meanChunkMs.toFixed(3), '58.000');
});

test('a report survives its way through JSON: no NaN, no infinity, nothing undefined', () => {
  for (const data of [quickRun(), matrixRun(), { ...quickRun(), trials: [] }]) {
    const { report } = summarise(data);
    assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
  }
});

test('trials of the plan without a record are reported as not run', () => {
  const data = quickRun();
  const { report } = summarise({ ...data, trials: data.trials.filter(({ block }) => block < 2) });
  const [strategy] = report.cases[0]?.strategies ?? [];
  assert.ok(strategy !== undefined);
  assert.deepEqual(
    strategy.trials.map(({ status }) => status),
    ['completed', 'completed', 'not-run', 'not-run', 'not-run'],
  );
  assert.equal(trialCount(strategy), '2 of 5');
  assert.match(trialsTable(report).rows.at(-1)?.join(' ') ?? '', /not-run unknown: not run/u);
  assert.ok(reportSchema.safeParse(report).success);
});
