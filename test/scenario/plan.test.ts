import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { loadScenario, type Scenario } from '../../src/scenario/load-scenario.ts';
import { planTrials } from '../../src/scenario/plan.ts';
import { seededRandom, shuffled } from '../../src/scenario/shuffle.ts';

function scenarioWith({ seed = 'a', repeats = 3, warmUp = 1, order = 'interleaved' } = {}): Scenario {
  return loadScenario(
    `formatVersion: 1
name: planned
seed: "${seed}"
strategies: [{ name: sequential }, { name: window-unordered }, { name: window-ordered }]
trials: { repeats: ${repeats}, warmUp: ${warmUp}, order: ${order} }
matrix: { link.roundTrip: [0 ms, 10 ms] }
`,
    { file: 'planned.yaml', folder: '/scenarios' },
  );
}

const pairOf = ({ case: index, strategy }: { readonly case: number; readonly strategy: string }): string =>
  `${index} ${strategy}`;

test('each block holds every case and strategy once, warm-up blocks first', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[a-z0-9]{1,12}$/u),
      fc.integer({ min: 1, max: 6 }),
      fc.nat(3),
      (seed, repeats, warmUp) => {
        const plan = planTrials(scenarioWith({ seed, repeats, warmUp }));
        assert.equal(plan.length, (repeats + warmUp) * 6);
        const blocks = Map.groupBy(plan, ({ block }) => block);
        assert.deepEqual(
          [...blocks.keys()],
          Array.from({ length: repeats + warmUp }, (_, block) => block),
        );
        for (const [block, trials] of blocks) {
          assert.equal(new Set(trials.map(pairOf)).size, 6);
          for (const trial of trials) assert.equal(trial.warmUp, block < warmUp);
        }
        assert.deepEqual(
          plan.map(({ index }) => index),
          plan.map((_, index) => index),
        );
      },
    ),
    { numRuns: 40 },
  );
});

test('the same seed gives the same plan, another seed another order', () => {
  assert.deepEqual(planTrials(scenarioWith({ seed: 'a' })), planTrials(scenarioWith({ seed: 'a' })));
  assert.notDeepEqual(planTrials(scenarioWith({ seed: 'a' })), planTrials(scenarioWith({ seed: 'b' })));
});

test('blocks are not all in one order', () => {
  const plan = planTrials(scenarioWith({ repeats: 10 }));
  const orders = [...Map.groupBy(plan, ({ block }) => block).values()].map((trials) => trials.map(pairOf).join());
  assert.ok(new Set(orders).size > 5);
});

test('grouped keeps the trials of one case and strategy together, warm-ups first', () => {
  const plan = planTrials(scenarioWith({ order: 'grouped', repeats: 2 }));
  assert.deepEqual(
    plan.slice(0, 4).map(({ block, warmUp, case: index, strategy }) => [block, warmUp, index, strategy]),
    [
      [0, true, 0, 'sequential'],
      [1, false, 0, 'sequential'],
      [2, false, 0, 'sequential'],
      [0, true, 0, 'window-unordered'],
    ],
  );
  assert.equal(new Set(plan.map((trial) => `${trial.block} ${pairOf(trial)}`)).size, plan.length);
});

test('shuffling keeps every item, and seeded numbers spread evenly over [0, 1)', () => {
  fc.assert(
    fc.property(fc.array(fc.nat()), fc.string(), (items, seed) => {
      const ascending = (a: number, b: number): number => a - b;
      assert.deepEqual(shuffled(items, seededRandom(seed)).toSorted(ascending), items.toSorted(ascending));
    }),
  );
  const random = seededRandom('spread');
  const counts = Array.from({ length: 10 }, () => 0);
  for (let draw = 0; draw < 10_000; draw += 1) {
    const bucket = Math.floor(random() * 10);
    counts[bucket] = (counts[bucket] ?? Number.NaN) + 1;
  }
  assert.ok(
    counts.every((count) => count > 850 && count < 1150),
    counts.join(),
  );
});
