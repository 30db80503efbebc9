import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';

import { independentRatio, logInterval, pairedRatio } from '../../src/stats/interval.ts';
import { geometricMean } from '../../src/stats/mean.ts';

const rate = fc.double({ min: 1, max: 1e10, noNaN: true });
const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));

test('the interval of the geometric mean is the t-interval of the logarithms', () => {
  // Logs 0, 1, 2: mean 1, deviation 1, t(0.95, 2) = 4.3027, half width 4.3027 / sqrt(3) = 2.4841.
  const [low, high] = logInterval([1, Math.E, Math.E ** 2]) ?? [0, 0];
  assert.ok(Math.abs(Math.log(low) - (1 - 2.4841)) < 1e-4);
  assert.ok(Math.abs(Math.log(high) - (1 + 2.4841)) < 1e-4);
});

test('fewer than three values, or a value that is not above 0, have no interval', () => {
  assert.equal(logInterval([]), undefined);
  assert.equal(logInterval([5]), undefined);
  assert.equal(logInterval([5, 6]), undefined);
  assert.equal(logInterval([5, 6, 0]), undefined);
});

test('an interval holds its geometric mean and scales with its values', () => {
  fc.assert(
    fc.property(fc.array(rate, { minLength: 3, maxLength: 10 }), (sample) => {
      const [low, high] = logInterval(sample) ?? [Number.NaN, Number.NaN];
      const centre = geometricMean(sample) ?? Number.NaN;
      assert.ok(low <= centre * (1 + 1e-9) && centre <= high * (1 + 1e-9));
      const [doubleLow] = logInterval(sample.map((value) => value * 2)) ?? [Number.NaN];
      assert.ok(near(doubleLow, low * 2) || low < 1e-290);
    }),
  );
});

test('a sample compared with itself is exactly 1 times as fast', () => {
  fc.assert(
    fc.property(fc.array(rate, { minLength: 3, maxLength: 10 }), (sample) => {
      assert.deepEqual(pairedRatio(sample.map((value) => ({ of: value, to: value }))), {
        pairs: sample.length,
        ratio: 1,
        interval: [1, 1],
      });
    }),
  );
});

test('mirrored arguments give the reciprocal', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ of: rate, to: rate }), { minLength: 1, maxLength: 10 }), (pairs) => {
      const there = pairedRatio(pairs);
      const back = pairedRatio(pairs.map(({ of, to }) => ({ of: to, to: of })));
      assert.ok(there !== undefined && back !== undefined);
      assert.ok(near(there.ratio, 1 / back.ratio));
      assert.equal(there.interval === undefined, pairs.length < 3);
      if (there.interval !== undefined && back.interval !== undefined) {
        assert.ok(near(Math.log(there.interval[0]) + 1000, 1000 - Math.log(back.interval[1])));
        assert.ok(near(Math.log(there.interval[1]) + 1000, 1000 - Math.log(back.interval[0])));
      }
    }),
  );
});

test('what slows a whole block cancels out', () => {
  const ratio = pairedRatio([
    { of: 300, to: 100 },
    { of: 150, to: 50 },
    { of: 30, to: 10 },
  ]);
  assert.ok(ratio?.interval !== undefined && near(ratio.interval[0], 3) && near(ratio.interval[1], 3));
});

test('no pairs, or a pair that is not above 0, give no ratio', () => {
  assert.equal(pairedRatio([]), undefined);
  assert.equal(pairedRatio([{ of: 0, to: 1 }]), undefined);
});

test('the interval of an independent ratio is the t-interval of Welch on the logarithms', () => {
  // Logs 0, 1, 2 against 0, 0, 0: only one side has an error, so 2 degrees of freedom and half width 2.4841.
  const one = independentRatio([1, Math.E, Math.E ** 2], [1, 1, 1]);
  assert.ok(one?.interval !== undefined && near(one.ratio, Math.E));
  assert.ok(Math.abs(Math.log(one.interval[0]) - (1 - 2.4841)) < 1e-3);
  assert.ok(Math.abs(Math.log(one.interval[1]) - (1 + 2.4841)) < 1e-3);
  // Equal variances of 1/3 on both sides: 4 degrees of freedom, t = 2.7764, half width 2.7764 * sqrt(2 / 3).
  const both = independentRatio([1, Math.E, Math.E ** 2], [1, Math.E, Math.E ** 2]);
  assert.ok(both?.interval !== undefined && both.ratio === 1);
  assert.ok(Math.abs(Math.log(both.interval[1]) - 2.7764 * Math.sqrt(2 / 3)) < 1e-3);
});

test('mirrored independent samples give the reciprocal, and few values no interval', () => {
  const sample = fc.array(rate, { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(sample, sample, (one, other) => {
      const there = independentRatio(one, other);
      const back = independentRatio(other, one);
      assert.ok(there !== undefined && back !== undefined);
      assert.ok(near(there.ratio, 1 / back.ratio));
      assert.equal(there.interval === undefined, Math.min(one.length, other.length) < 3);
      if (there.interval === undefined || back.interval === undefined) return;
      assert.ok(near(Math.log(there.interval[0]) + 1000, 1000 - Math.log(back.interval[1])));
    }),
  );
  assert.equal(independentRatio([], [1]), undefined);
  assert.equal(independentRatio([1, 0, 1], [1]), undefined);
});
