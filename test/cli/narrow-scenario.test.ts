import assert from 'node:assert/strict';
import { test } from 'node:test';

import { narrowScenario } from '../../src/cli/narrow-scenario.ts';
import { loadScenario } from '../../src/scenario/load-scenario.ts';
import { planTrials } from '../../src/scenario/plan.ts';

const scenario = loadScenario(
  `formatVersion: 1
name: wide
strategies: [ { name: sequential }, { name: window-unordered, label: narrow, inFlight: 2 }, { name: window-unordered, label: wide }, { name: window-ordered } ]
trials: { repeats: 3, warmUp: 1 }
matrix: { link.roundTrip: [0 ms, 10 ms] }
objectives: [ "wide.throughput.data >= 2 * sequential.throughput.data", "wide.duration <= 10 s" ]
`,
  { file: 'wide.yaml', folder: '/scenarios' },
);

const labelsOf = (only: readonly string[]): readonly (readonly string[])[] =>
  narrowScenario(scenario, { only }).scenario.cases.map(({ strategies }) => strategies.map(({ label }) => label));

test('without a choice a scenario stays as it is', () => {
  assert.deepEqual(narrowScenario(scenario, {}), { scenario, warnings: [] });
});

test('strategies that are not chosen leave every case and the plan', () => {
  const { scenario: narrowed } = narrowScenario(scenario, { only: ['wide', 'sequential'] });
  assert.deepEqual(labelsOf(['wide', 'sequential']), [
    ['sequential', 'wide'],
    ['sequential', 'wide'],
  ]);
  assert.deepEqual(new Set(planTrials(narrowed).map(({ strategy }) => strategy)), new Set(['sequential', 'wide']));
  assert.deepEqual(narrowed.objectives, scenario.objectives);
});

test('a name or alias of a strategy means every label of it', () => {
  assert.deepEqual(labelsOf(['window-unordered'])[0], ['narrow', 'wide']);
  assert.deepEqual(labelsOf(['ordered-async'])[0], ['window-ordered']);
});

test('an objective that names what is left out is dropped with a warning', () => {
  const { scenario: narrowed, warnings } = narrowScenario(scenario, { only: ['wide'] });
  assert.deepEqual(
    narrowed.objectives.map(({ text }) => text),
    ['wide.duration <= 10 s'],
  );
  assert.deepEqual(warnings, [
    {
      code: 'objective-dropped',
      sentence:
        'the objective `wide.throughput.data >= 2 * sequential.throughput.data` is not checked: this run leaves out `sequential`',
    },
  ]);
});

test('repeats replace those of the scenario', () => {
  const { scenario: narrowed } = narrowScenario(scenario, { repeats: 1 });
  assert.deepEqual(narrowed.trials, { ...scenario.trials, repeats: 1 });
  assert.equal(planTrials(narrowed).length, 2 * 2 * 4);
});

test('a strategy that is not there is a usage error that names the right one', () => {
  assert.throws(() => narrowScenario(scenario, { only: ['window-orderd'] }), {
    name: 'UsageError',
    code: 'unknown-strategy',
    exitCode: 2,
    message: 'wide has no strategy `window-orderd`; did you mean `window-ordered`?',
    hint: 'it has `sequential`, `narrow`, `wide`, `window-ordered`',
  });
});
