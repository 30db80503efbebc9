import assert from 'node:assert/strict';
import { test } from 'node:test';

import { twoSidedT } from '../../src/stats/student-t.ts';

// Any printed table of Student's t, e.g. the NIST/SEMATECH e-Handbook, 1.3.6.7.2.
const table: readonly (readonly [degrees: number, at95: number, at99: number])[] = [
  [1, 12.706, 63.657],
  [2, 4.303, 9.925],
  [3, 3.182, 5.841],
  [4, 2.776, 4.604],
  [5, 2.571, 4.032],
  [6, 2.447, 3.707],
  [9, 2.262, 3.25],
  [10, 2.228, 3.169],
  [20, 2.086, 2.845],
  [29, 2.045, 2.756],
  [30, 2.042, 2.75],
  [100, 1.984, 2.626],
];

for (const [degrees, at95, at99] of table) {
  test(`t of ${degrees} degrees of freedom is the published one`, () => {
    assert.equal(Number(twoSidedT(0.95, degrees).toFixed(3)), at95);
    assert.equal(Number(twoSidedT(0.99, degrees).toFixed(3)), at99);
  });
}

test('many degrees of freedom come to the normal quantile', () => {
  assert.ok(Math.abs(twoSidedT(0.95, 1_000_000) - 1.95996) < 5e-4);
});

test('arguments without a meaning are refused', () => {
  assert.throws(() => twoSidedT(1, 4), RangeError);
  assert.throws(() => twoSidedT(0.95, 0), RangeError);
  assert.throws(() => twoSidedT(0.95, 1.5), RangeError);
});
