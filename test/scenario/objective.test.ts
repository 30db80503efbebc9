import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { comparators, objectiveMetrics } from '../../src/model/objective.ts';
import { parseObjective } from '../../src/scenario/objective.ts';

const labels = ['sequential', 'window-unordered'];

function problemOf(text: string): string {
  const parsed = parseObjective(text, labels);
  assert.ok('problem' in parsed, `${text} was accepted`);
  const { start, length, message } = parsed.problem;
  return `${text.slice(start, start + length)} | ${message}`;
}

test('compares a strategy with a multiple of another', () => {
  const text = 'window-unordered.throughput.data >= 2.5 * sequential.throughput.data';
  assert.deepEqual(parseObjective(text, labels), {
    objective: {
      text,
      left: { kind: 'metric', factor: 1, label: 'window-unordered', metric: 'throughput.data' },
      comparator: '>=',
      right: { kind: 'metric', factor: 2.5, label: 'sequential', metric: 'throughput.data' },
    },
  });
});

test('quantities are in the base unit of the metric, on either side, and a factor may follow', () => {
  const parse = (text: string): unknown => {
    const parsed = parseObjective(text, labels);
    assert.ok('objective' in parsed, JSON.stringify(parsed));
    return [parsed.objective.left, parsed.objective.comparator, parsed.objective.right];
  };
  const duration = { kind: 'metric', factor: 1, label: 'sequential', metric: 'duration' };
  assert.deepEqual(parse('sequential.duration < 1.5 s'), [
    duration,
    '<',
    { kind: 'quantity', value: 1500, unit: 'ms' },
  ]);
  assert.deepEqual(parse('2 min>sequential.duration*2'), [
    { kind: 'quantity', value: 120_000, unit: 'ms' },
    '>',
    { ...duration, factor: 2 },
  ]);
  assert.deepEqual(parse('sequential.cpuSecondsPerGb.client <= 2.5 s/GB'), [
    { kind: 'metric', factor: 1, label: 'sequential', metric: 'cpuSecondsPerGb.client' },
    '<=',
    { kind: 'quantity', value: 2.5, unit: 'secondsPerGb' },
  ]);
});

test('each mistake is marked at its place in the text', () => {
  assert.equal(problemOf('sequential.throughput >= 5 MB/s'), 'throughput | a throughput must name its rate');
  assert.equal(
    problemOf('sequential.duration < 5 MB/s'),
    '5 MB/s | `5 MB/s` is bytes per second and cannot be compared with a duration',
  );
  assert.equal(
    problemOf('sequential.chunkLatency.p99 < sequential.throughput.data'),
    'sequential.throughput.data | bytes per second cannot be compared with a duration',
  );
  assert.equal(
    problemOf('sequental.duration < 5 s'),
    'sequental | no strategy of this scenario is called `sequental`; did you mean `sequential`?',
  );
  assert.equal(
    problemOf('sequential.chunkLatency.p98 < 5 s'),
    'chunkLatency.p98 | unknown metric `chunkLatency.p98`; did you mean `chunkLatency.p95`?',
  );
  assert.equal(problemOf('sequential < 5 s'), 'sequential | `sequential` names no metric');
  assert.equal(problemOf('sequential.duration => 5 s'), '=> | `=>` does not compare');
  assert.equal(problemOf('sequential.duration == 5 s'), '== | `==` does not compare');
  assert.equal(problemOf('1 s < sequential.duration < 5 s'), '< | an objective compares two sides only');
  assert.equal(problemOf('sequential.duration < 5'), '5 | `5` has no unit');
  assert.equal(problemOf('sequential.duration < 5 sec'), '5 sec | `5 sec`: unknown unit `sec`; did you mean `5 s`?');
  assert.equal(problemOf('sequential.duration < -2 * sequential.duration'), '-2 | `-2` is not a factor');
  assert.equal(problemOf('sequential.duration < 0 * sequential.duration'), '0 | `0` is not a factor');
  assert.equal(problemOf('1 s < 2 s'), '1 s | neither side names a strategy and a metric');
  assert.equal(problemOf('sequential.duration <'), ' | a side is empty');
  assert.equal(problemOf('fast enough'), 'fast enough | an objective compares two sides');
  assert.equal(problemOf('sequential.toString < 1 s'), 'toString | unknown metric `toString`');
});

test('whatever is well formed is parsed to what was written, and no text is thrown at', () => {
  const metrics = Object.keys(objectiveMetrics);
  fc.assert(
    fc.property(
      fc.constantFrom(...labels),
      fc.constantFrom(...metrics),
      fc.constantFrom(...comparators),
      fc.integer({ min: 1, max: 99 }),
      (label, name, comparator, factor) => {
        const parsed = parseObjective(`${label}.${name} ${comparator} ${factor} * ${label}.${name}`, labels);
        assert.ok('objective' in parsed);
        assert.equal(parsed.objective.comparator, comparator);
        assert.deepEqual(parsed.objective.right, { kind: 'metric', factor, label, metric: name });
      },
    ),
  );
  const piece = fc.constantFrom('sequential', '.', 'throughput', 'data', 'duration', '<', '>=', '*', ' ', '5', 's', '');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
      ),
      (text) => {
        const parsed = parseObjective(text, labels);
        if ('problem' in parsed) assert.ok(parsed.problem.start >= 0 && parsed.problem.start <= text.length);
      },
    ),
  );
});
