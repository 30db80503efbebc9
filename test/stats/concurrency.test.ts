import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';

import { concurrency } from '../../src/stats/concurrency.ts';

test('the mean is weighted by time and spans that touch do not overlap', () => {
  const spans = [
    { start: 0, end: 4 },
    { start: 4, end: 8 },
    { start: 2, end: 6 },
  ];
  assert.deepEqual(concurrency(spans, { start: 0, end: 10 }), { mean: 1.2, peak: 2 });
});

test('spans are cut to the window', () => {
  assert.deepEqual(concurrency([{ start: -5, end: 50 }], { start: 0, end: 10 }), { mean: 1, peak: 1 });
  assert.deepEqual(concurrency([{ start: 20, end: 30 }], { start: 0, end: 10 }), { mean: 0, peak: 0 });
});

test('a window without length has no mean', () => {
  assert.equal(concurrency([{ start: 0, end: 1 }], { start: 1, end: 1 }), undefined);
});

test('the mean is the summed length over the window, and the peak is never below it', () => {
  const time = fc.integer({ min: 0, max: 1000 });
  fc.assert(
    fc.property(fc.array(fc.record({ start: time, length: time }), { maxLength: 50 }), (drawn) => {
      const spans = drawn.map(({ start, length }) => ({ start, end: start + length }));
      const result = concurrency(spans, { start: 0, end: 2000 });
      const summed = spans.reduce((sum, { start, end }) => sum + end - start, 0);
      assert.ok(result !== undefined && Math.abs(result.mean - summed / 2000) < 1e-9);
      assert.ok(result.peak >= result.mean - 1e-9 && result.peak <= spans.length);
    }),
  );
});
