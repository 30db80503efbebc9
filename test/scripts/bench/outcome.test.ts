import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { benchTables } from '../../../scripts/bench/bench-tables.ts';
import type { Block, Bound, RatioRule } from '../../../scripts/bench/family.ts';
import { ratioOf } from '../../../scripts/bench/family.ts';
import { measuredRatios, measuredValues, measureRatio } from '../../../scripts/bench/outcome.ts';
import { select } from '../../../scripts/bench/selection.ts';
import { plantedFamily } from './planted-family.ts';

const blocksOf = (pairs: readonly (readonly [number, number])[]): Block[] =>
  pairs.map(
    ([a, b]) =>
      new Map([
        ['planted-a', a],
        ['planted-b', b],
      ]),
  );

const rule = (bound: Bound): RatioRule =>
  ratioOf('a-over-b', bound, ['planted-a', 'planted-b'], (value) => ({
    of: value('planted-a'),
    to: value('planted-b'),
  }));

void suite('ratios of a bench', () => {
  test('the point estimate alone decides, whatever the interval', () => {
    const scattered = blocksOf([
      [1, 1],
      [4, 1],
      [2, 1],
    ]);
    const { value, interval, met, wide } = measureRatio(rule({ atLeast: 1.9 }), scattered);
    assert.ok(value !== null && Math.abs(value - 2) < 1e-9);
    assert.ok(interval !== null && interval[0] < 1.9);
    assert.equal(met, true);
    assert.equal(wide, true);
    assert.equal(measureRatio(rule({ atLeast: 2.1 }), scattered).met, false);
    assert.equal(measureRatio(rule({ atMost: 2.1 }), scattered).met, true);
    assert.equal(measureRatio(rule({ atMost: 1.9 }), scattered).met, false);
  });

  test('blocks are compared one by one, so that what slows a whole block cancels out', () => {
    const { value, interval, wide } = measureRatio(
      rule({ atLeast: 1 }),
      blocksOf([
        [2, 1],
        [20, 10],
        [6, 3],
      ]),
    );
    assert.ok(value !== null && Math.abs(value - 2) < 1e-9);
    assert.ok(interval !== null && Math.abs(interval[1] - interval[0]) < 1e-9);
    assert.equal(wide, false);
  });

  test('without three blocks there is no interval, and without any no value: the ratio is not met', () => {
    const two = measureRatio(
      rule({ atLeast: 1 }),
      blocksOf([
        [2, 1],
        [2, 1],
      ]),
    );
    assert.equal(two.interval, null);
    assert.equal(two.wide, true);
    assert.equal(two.met, true);
    const none = measureRatio(rule({ atLeast: 1 }), [], 'the server died');
    assert.deepEqual([none.value, none.met, none.problem], [null, false, 'the server died']);
    assert.equal(measureRatio(rule({ atMost: 1 }), blocksOf([[0, 1]])).met, false);
  });

  test('a prediction is off by the same factor whichever way it errs, by the median', () => {
    const symmetric = { ...rule({ atMost: 1.15 }), isEitherWay: true };
    const above = measureRatio(
      symmetric,
      blocksOf([
        [1.2, 1],
        [1.1, 1],
        [1.1, 1],
        [5, 1],
        [1, 1],
      ]),
    );
    const below = measureRatio(
      symmetric,
      blocksOf([
        [1, 1.2],
        [1, 1.1],
        [1, 1.1],
        [1, 5],
        [1, 1],
      ]),
    );
    assert.ok(above.value !== null && Math.abs(above.value - 1.1) < 1e-9);
    assert.ok(below.value !== null && Math.abs(below.value - 1.1) < 1e-9);
    assert.equal(above.met, true);
    assert.ok(above.interval !== null && below.interval !== null);
    assert.ok(Math.abs(above.interval[0] - below.interval[0]) < 1e-9);
  });

  test('a claim that is not made for what was found is shown with the reason, and not judged', () => {
    const family = plantedFamily({ blocks: [] });
    const [first] = family.ratios;
    assert.ok(first !== undefined);
    const exempt = { ...family, ratios: [{ ...first, exemption: () => 'above the ceiling' }] };
    const [selection] = select([exempt], []);
    assert.ok(selection !== undefined);
    const ratios = measuredRatios({ selection, blocks: blocksOf([[1, 2]]) });
    const [ratio] = ratios;
    assert.ok(ratio !== undefined);
    assert.deepEqual([ratio.value, ratio.met, ratio.judged, ratio.note], [0.5, false, false, 'above the ceiling']);
    assert.match(benchTables({ measurements: [], ratios }), /^planted-a-over-b .* - +1 +above the ceiling, interval/mu);
    assert.equal(measuredRatios({ selection, blocks: [] })[0]?.met, false);
  });

  test('fewer blocks than a claim is made for are marked', () => {
    const claimed = { ...rule({ atLeast: 1 }), claimedBlocks: 3 };
    const two = blocksOf([
      [2, 1],
      [2, 1],
    ]);
    const { met, note } = measureRatio(claimed, two);
    assert.deepEqual([met, note], [true, 'fewer than 3 blocks']);
    assert.equal(measureRatio(claimed, [...two, ...two]).note, undefined);
  });
});

void suite('the outcome of a bench', () => {
  const family = plantedFamily({ blocks: [], bound: { atMost: 1.5 } });
  const [selection] = select([family], []);
  assert.ok(selection !== undefined);
  const measured = {
    selection,
    blocks: blocksOf([
      [2, 1],
      [2.02, 1],
      [1.98, 1],
    ]),
  };

  test('has the fields that programs read', () => {
    const [value] = measuredValues(measured);
    assert.deepEqual(Object.keys(value ?? {}), ['name', 'unit', 'median', 'interval', 'blocks', 'settings']);
    assert.deepEqual([value?.name, value?.unit, value?.median], ['planted-a', 's', 2]);
    assert.equal(value?.interval?.length, 2);
    const [ratio] = measuredRatios(measured);
    assert.deepEqual(Object.keys(ratio ?? {}), ['name', 'value', 'interval', 'atMost', 'met', 'wide', 'blocks']);
  });

  test('prints a row for each measurement and ratio, and says what is not met', () => {
    const text = benchTables({ measurements: measuredValues(measured), ratios: measuredRatios(measured) });
    assert.match(text, /^planted-a +2\.00 +1\.95-2\.05 +s +3 +settings of planted-a$/mu);
    assert.match(text, /^planted-a-over-b +2\.00 +1\.95-2\.05 +<= 1\.5 +NO +3$/mu);
  });
});
