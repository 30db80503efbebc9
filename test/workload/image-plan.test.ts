import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import * as fc from 'fast-check';

import type { HistorySettings, ImageSettings } from '../../src/model/environment.ts';
import { UsageError } from '../../src/model/errors.ts';
import { ZERO_CONTENT } from '../../src/material/chunk-recipe.ts';
import { planImage, planRepeatingImage, type ImagePlan } from '../../src/workload/image-plan.ts';

const CHUNK = 4 << 20;

const image = (settings: Partial<ImageSettings> = {}): ImageSettings => ({
  sizeBytes: 100 * CHUNK,
  zeroShare: 0.2,
  repeatedShare: 0.1,
  compressionRatio: 1,
  seed: 'seed',
  ...settings,
});

interface Counts {
  readonly zeros: number;
  readonly repeats: number;
}

function counts(slots: Uint32Array): Counts {
  const data = [...slots].filter((content) => content !== ZERO_CONTENT);
  return { zeros: slots.length - data.length, repeats: data.length - new Set(data).size };
}

const changes = (before: Uint32Array, after: Uint32Array): number =>
  after.filter((content, slot) => content !== before[slot]).length;

const settings = fc.record({
  slots: fc.integer({ min: 1, max: 60 }),
  tail: fc.constantFrom(0, 1, 512, CHUNK - 1),
  zeroPercent: fc.integer({ min: 0, max: 100 }),
  repeatedPercent: fc.integer({ min: 0, max: 100 }),
  depth: fc.integer({ min: 1, max: 6 }),
  changeRate: fc.double({ min: 0, max: 1, noNaN: true }),
  seed: fc.string({ maxLength: 5 }),
});

describe('the plan of an image', () => {
  it('has the shares that were asked for, exactly where whole chunks allow it', () => {
    const { backups } = planImage(image(), { depth: 8, changeRate: 0.07 }, CHUNK);
    assert.equal(backups.length, 8);
    for (const [number, slots] of backups.entries()) {
      assert.deepEqual(counts(slots), { zeros: 20, repeats: 10 });
      const before = backups[number - 1];
      if (before !== undefined) assert.equal(changes(before, slots), 7);
    }
  });

  it('may repeat a few contents throughout', () => {
    fc.assert(
      fc.property(settings, fc.integer({ min: 1, max: 40 }), ({ slots, tail, zeroPercent, seed }, contents) => {
        const sizeBytes = slots * CHUNK + tail;
        const plan = planRepeatingImage(image({ sizeBytes, zeroShare: zeroPercent / 100, seed }), CHUNK, contents);
        const [only = new Uint32Array(), ...others] = plan.backups;
        assert.equal(others.length, 0);
        const full = [...only].slice(0, slots);
        const data = full.filter((content) => content !== ZERO_CONTENT);
        assert.ok(Math.abs(slots - data.length - (zeroPercent / 100) * plan.slotCount) <= 1);
        assert.equal(new Set(data).size, Math.min(contents, data.length));
      }),
    );
  });

  it('keeps all shares to within one chunk in every backup, whatever is asked', () => {
    fc.assert(
      fc.property(settings, ({ slots, tail, zeroPercent, repeatedPercent, depth, changeRate, seed }) => {
        fc.pre(zeroPercent + repeatedPercent <= 100);
        const zeroShare = zeroPercent / 100;
        const repeatedShare = repeatedPercent / 100;
        const imageSettings = image({
          sizeBytes: tail === 0 ? slots * CHUNK : (slots - 1) * CHUNK + tail,
          zeroShare,
          repeatedShare,
          seed,
        });
        let plan: ImagePlan;
        try {
          plan = planImage(imageSettings, { depth, changeRate }, CHUNK);
        } catch (error) {
          assert.ok(error instanceof UsageError && depth > 1);
          // Only what zeros make impossible is refused.
          assert.ok(Math.round(changeRate * slots) > Math.min(slots, 2 * Math.floor(slots * (1 - zeroShare))) - 2);
          return;
        }
        assert.equal(plan.slotCount, slots);
        for (const [number, contents] of plan.backups.entries()) {
          const { zeros, repeats } = counts(contents);
          assert.ok(Math.abs(zeros - zeroShare * slots) <= 1, `${zeros} zeros`);
          // A short last slot repeats nothing, and the first of a content is no repeat.
          const mayRepeat = Math.max(0, slots - zeros - (tail === 0 ? 0 : 1) - 1);
          const asked = Math.min(repeatedShare * slots, mayRepeat);
          assert.ok(Math.abs(repeats - asked) <= 1, `${repeats} repeats`);
          const before: Uint32Array | undefined = plan.backups[number - 1];
          if (before !== undefined) assert.equal(changes(before, contents), Math.round(changeRate * slots));
          for (const content of contents) assert.ok((plan.firstBackups[content] ?? Number.NaN) <= number);
        }
        if (tail !== 0) {
          const tails = new Set(plan.backups.map((contents) => contents.at(-1)));
          assert.ok(!tails.has(ZERO_CONTENT));
          for (const contents of plan.backups)
            assert.ok(contents.subarray(0, -1).every((content) => !tails.has(content)));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('holds contents from many backups in the newest image', () => {
    const plan = planImage(image({ sizeBytes: 1000 * CHUNK }), { depth: 10, changeRate: 0.1 }, CHUNK);
    const ages = new Set([...(plan.backups.at(-1) ?? [])].map((content) => plan.firstBackups[content]));
    assert.equal(ages.size, 10);
  });

  it('names every content in some backup, so that nothing is made in vain', () => {
    const plan = planImage(image(), { depth: 5, changeRate: 0.3 }, CHUNK);
    const used = new Set(plan.backups.flatMap((contents) => [...contents]));
    assert.equal(used.size, plan.firstBackups.length);
  });

  it('is the same for the same seed and another for another', () => {
    const plan = (seed: string): unknown => planImage(image({ seed }), { depth: 3, changeRate: 0.1 }, CHUNK);
    assert.deepEqual(plan('a'), plan('a'));
    assert.notDeepEqual(plan('a'), plan('b'));
  });

  it('changes nothing at a rate of 0 and everything at 100 %', () => {
    const plan = (changeRate: number) => planImage(image({ zeroShare: 0.5 }), { depth: 2, changeRate }, CHUNK).backups;
    const [first, same] = plan(0);
    assert.deepEqual(first, same);
    const [before, after] = plan(1);
    assert.ok(before !== undefined && after !== undefined);
    assert.equal(changes(before, after), 100);
  });

  const impossible: readonly (readonly [string, Partial<ImageSettings>, Partial<HistorySettings>])[] = [
    ['no bytes', { sizeBytes: 0 }, {}],
    ['half a byte', { sizeBytes: 1.5 }, {}],
    ['a negative share', { zeroShare: -0.1 }, {}],
    ['a share that is no number', { repeatedShare: Number.NaN }, {}],
    ['more than 100 %', { zeroShare: 0.6, repeatedShare: 0.41 }, {}],
    ['a ratio below 1', { compressionRatio: 0.9 }, {}],
    ['an endless ratio', { compressionRatio: Number.POSITIVE_INFINITY }, {}],
    ['no backup', {}, { depth: 0 }],
    ['a change of more than everything', {}, { changeRate: 1.1 }],
    ['changes that zeros leave no room for', { zeroShare: 0.95 }, { depth: 2, changeRate: 0.2 }],
  ];
  for (const [what, imageSettings, historySettings] of impossible) {
    it(`is refused for ${what}`, () => {
      const history = { depth: 2, changeRate: 0, ...historySettings };
      assert.throws(
        () => planImage(image(imageSettings), history, CHUNK),
        (error) => error instanceof UsageError && error.code === 'workload-settings',
      );
    });
  }
});
