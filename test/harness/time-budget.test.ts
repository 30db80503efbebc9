import assert from 'node:assert/strict';
import { test } from 'node:test';

import { timeBudget } from '../../src/harness/time-budget.ts';
import type { PlannedTrial } from '../../src/model/records.ts';

/** Blocks of two strategies: one warm-up, two measured. */
const planOf = (order: readonly (readonly [block: number, strategy: string])[]): PlannedTrial[] =>
  order.map(([block, strategy], index) => ({ index, block, warmUp: block === 0, case: 0, strategy }));
const interleaved = planOf([
  [0, 'a'],
  [0, 'b'],
  [1, 'b'],
  [1, 'a'],
  [2, 'a'],
  [2, 'b'],
]);
const grouped = planOf([
  [0, 'a'],
  [1, 'a'],
  [2, 'a'],
  [0, 'b'],
  [1, 'b'],
  [2, 'b'],
]);

/** Positions of the trials that are run when each takes 10 ms. */
function run(plan: readonly PlannedTrial[], budgetMs?: number): number[] {
  const isRun = timeBudget(plan, budgetMs);
  let spentMs = 0;
  return plan.flatMap((planned) => {
    if (!isRun(planned, spentMs)) return [];
    spentMs += 10;
    return [planned.index];
  });
}

test('without a budget, or with enough of it, every trial is run', () => {
  for (const plan of [interleaved, grouped]) {
    assert.deepEqual(run(plan), [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(run(plan, 60), [0, 1, 2, 3, 4, 5]);
  }
});

test('every strategy has its warm-up and first measured trial, however small the budget', () => {
  assert.deepEqual(run(interleaved, 0), [0, 1, 2, 3]);
  assert.deepEqual(run(grouped, 0), [0, 1, 3, 4]);
});

test('a block that has begun is finished', () => {
  assert.deepEqual(run(interleaved, 45), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(run(interleaved, 35), [0, 1, 2, 3]);
});
