import assert from 'node:assert/strict';
import { test } from 'node:test';

import { summarise } from '../../src/analysis/summarise.ts';
import type { Objective, ObjectiveTerm } from '../../src/model/objective.ts';
import type { ObjectiveReport } from '../../src/model/report.ts';
import { caseRecord, caseSettings, matrixRun, quickRun, runRecord, sequential, trial } from './synthetic-run.ts';

function objective(factor: number, comparator: Objective['comparator'] = '>='): Objective {
  const term = (label: string, by: number): ObjectiveTerm => ({
    kind: 'metric',
    factor: by,
    label,
    metric: 'throughput.data',
  });
  return {
    text: `window-unordered.throughput.data ${comparator} ${factor} * sequential.throughput.data`,
    left: term('window-unordered', 1),
    comparator,
    right: term('sequential', factor),
  };
}

function only(reports: readonly ObjectiveReport[]): ObjectiveReport {
  const [first] = reports;
  assert.ok(first !== undefined && reports.length === 1);
  return first;
}

test('the ratio of two metrics stands beside the factor of the objective', () => {
  const met = only(summarise(quickRun({ objectives: [objective(2.5)] })).report.objectives);
  assert.equal(met.passed, true);
  assert.deepEqual([met.measured?.toFixed(2), met.unit], ['4.18', 'ratio']);
  const missed = only(summarise(quickRun({ objectives: [objective(5)] })).report.objectives);
  assert.equal(missed.passed, false);
  assert.equal(missed.measured?.toFixed(2), '4.18');
});

test('a quantity is compared in the base unit of its metric', () => {
  const within: Objective = {
    text: 'sequential.chunkLatency.p99 <= 60 ms',
    left: { kind: 'metric', factor: 1, label: 'sequential', metric: 'chunkLatency.p99' },
    comparator: '<=',
    right: { kind: 'quantity', value: 60, unit: 'ms' },
  };
  const inside = only(summarise(quickRun({ objectives: [within] })).report.objectives);
  assert.deepEqual([inside.passed, inside.unit], [true, 'ms']);
  assert.ok((inside.measured ?? 0) > 58.5 && (inside.measured ?? 0) <= 60, String(inside.measured));
  const beyond: Objective = { ...within, right: { kind: 'quantity', value: 58.5, unit: 'ms' } };
  assert.equal(only(summarise(quickRun({ objectives: [beyond] })).report.objectives).passed, false);
});

test('one case that misses it fails it, and is named', () => {
  const run = matrixRun({ objectives: [objective(2)] });
  const slow = run.trials.map((one) =>
    one.case === 2 && one.strategy === 'window-unordered' ? { ...one, durationMs: (one.durationMs ?? 0) * 3 } : one,
  );
  const result = only(summarise({ ...run, trials: slow }).report.objectives);
  assert.equal(result.passed, false);
  assert.equal(result.reason, 'fails in 1 of 4 cases, worst in link.roundTrip 30 ms');
});

test('the worst case of an upper bound is the one with the largest quotient', () => {
  const run = matrixRun({ objectives: [objective(5, '<=')] });
  const fast = run.trials.map((one) =>
    one.case === 1 && one.strategy === 'window-unordered' ? { ...one, durationMs: (one.durationMs ?? 0) / 2 } : one,
  );
  const result = only(summarise({ ...run, trials: fast }).report.objectives);
  assert.equal(result.reason, 'fails in 1 of 4 cases, worst in link.roundTrip 10 ms');
  assert.equal(result.measured?.toFixed(2), '8.37');
});

test('what could not be measured does not pass, and says why', () => {
  const record = caseRecord(caseSettings({ strategies: [sequential] }));
  const run = runRecord([record], { objectives: [objective(2.5)] });
  const absent = only(summarise({ run, trials: [trial(record, sequential, 0)] }).report.objectives);
  assert.deepEqual(absent, {
    text: objective(2.5).text,
    passed: false,
    reason: 'there is no strategy window-unordered',
  });
  const unmeasured = only(summarise({ ...quickRun({ objectives: [objective(2.5)] }), trials: [] }).report.objectives);
  assert.equal(unmeasured.reason, 'window-unordered.throughput.data is unknown: no trial was measured');
});
