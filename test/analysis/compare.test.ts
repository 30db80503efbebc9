import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';

import { compare, type ComparedStrategy } from '../../src/analysis/compare.ts';

function strategy(label: string, dataPerSecond: readonly number[]): ComparedStrategy {
  const trials = dataPerSecond.map((data, block) => {
    return { index: block, block, durationMs: 1000, bytes: { logical: data, data, unique: data, wire: data } };
  });
  return { label, trials };
}

const rates = fc.array(fc.integer({ min: 1_000_000, max: 2_000_000_000 }), { minLength: 3, maxLength: 8 });

test('a strategy compared with itself is not distinguishable, by exactly 1', () => {
  fc.assert(
    fc.property(rates, (sample) => {
      const { ratio, interval, verdict } = compare(strategy('a', sample), strategy('a', sample));
      assert.deepEqual([ratio, interval, verdict], [1, [1, 1], 'not-distinguishable']);
    }),
  );
});

test('mirrored arguments give the reciprocal and the opposite verdict', () => {
  const opposite = {
    faster: 'slower',
    slower: 'faster',
    'not-distinguishable': 'not-distinguishable',
    inconclusive: 'inconclusive',
  };
  fc.assert(
    fc.property(rates, rates, (one, other) => {
      const there = compare(strategy('a', one), strategy('b', other));
      const back = compare(strategy('b', other), strategy('a', one));
      assert.ok(Math.abs((there.ratio ?? 0) * (back.ratio ?? 0) - 1) < 1e-9);
      assert.equal(back.verdict, opposite[there.verdict]);
      assert.equal(back.pairs, there.pairs);
    }),
  );
});

test('the verdict follows the interval', () => {
  const base = strategy('base', [100, 100, 100, 100]);
  const verdict = (sample: readonly number[]): string => compare(strategy('x', sample), base).verdict;
  assert.equal(verdict([300, 310, 290, 305]), 'faster');
  assert.equal(verdict([50, 51, 49, 50]), 'slower');
  assert.equal(verdict([101, 99, 100.5, 99.5]), 'not-distinguishable');
  assert.equal(verdict([70, 150, 90, 120]), 'inconclusive');
});

test('fewer than three pairs are inconclusive whatever the ratio', () => {
  const two = compare(strategy('x', [400, 401]), strategy('base', [100, 100]));
  assert.deepEqual([two.pairs, two.verdict], [2, 'inconclusive']);
  const none = compare(strategy('x', []), strategy('base', [100]));
  assert.deepEqual(none, { of: 'x', to: 'base', pairs: 0, verdict: 'inconclusive' });
});

test('only trials of the same block are paired', () => {
  const shifted = { label: 'x', trials: strategy('x', [200, 200, 200, 200]).trials.filter(({ block }) => block !== 1) };
  assert.equal(compare(shifted, strategy('base', [100, 1, 100, 100])).ratio?.toFixed(6), '2.000000');
});
