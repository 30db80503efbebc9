import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { SurvivingSum } from '../../src/metrics/surviving-sum.ts';

test('keeps what ended parts had counted, and takes a fallen counter for a new part', () => {
  const sum = new SurvivingSum<string>(2);
  assert.deepEqual(
    sum.add([
      ['a', [10, 1]],
      ['b', [5, 2]],
    ]),
    [15, 3],
  );
  assert.deepEqual(sum.add([['a', [12, 1]]]), [17, 3]);
  assert.deepEqual(sum.add([]), [17, 3]);
  assert.deepEqual(sum.add([['a', [3, 0]]]), [20, 3]);
  assert.deepEqual(sum.add([['a', [1, 0]]]), [21, 3]);
});

test('never falls', () => {
  const reading = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.nat(1000));
  fc.assert(
    fc.property(fc.array(reading), (readings) => {
      const sum = new SurvivingSum<string>(1);
      let before = 0;
      for (const parts of readings) {
        const [total = 0] = sum.add(Object.entries(parts).map(([key, count]) => [key, [count]] as const));
        assert.ok(total >= before);
        before = total;
      }
    }),
  );
});
