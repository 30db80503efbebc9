import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';

import { median, quantile } from '../../src/stats/quantile.ts';

const values = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 40 });

test('quantiles interpolate as R type 7 does', () => {
  // R: quantile(c(1, 2, 4, 8, 16), c(.25, .5, .9))
  assert.equal(quantile([16, 1, 4, 2, 8], 0.25), 2);
  assert.equal(quantile([16, 1, 4, 2, 8], 0.5), 4);
  assert.ok(Math.abs((quantile([16, 1, 4, 2, 8], 0.9) ?? 0) - 12.8) < 1e-12);
  assert.equal(median([1, 2]), 1.5);
});

test('there is no quantile of nothing', () => {
  assert.equal(median([]), undefined);
});

test('quantiles grow with the share, and end at the smallest and the largest value', () => {
  fc.assert(
    fc.property(
      values,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (sample, a, b) => {
        const low = quantile(sample, Math.min(a, b)) ?? Number.NaN;
        const high = quantile(sample, Math.max(a, b)) ?? Number.NaN;
        assert.ok(low <= high + 1e-6 * Math.abs(high));
        // -0 and 0 are one place on the line.
        assert.ok(quantile(sample, 0) === Math.min(...sample));
        assert.ok(quantile(sample, 1) === Math.max(...sample));
      },
    ),
  );
});
