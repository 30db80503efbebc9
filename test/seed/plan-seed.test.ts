import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assert as assertProperty, integer, property } from 'fast-check';

import { planSeed, type ExistingSnapshot } from '../../src/seed/plan-seed.ts';
import { seedNotes } from '../../src/seed/seed-mark.ts';

const group = { type: 'vm', id: 'restorelab-1' } as const;
const history = '0123456789abcdef';
const NOW = 1_800_000_000;
const DAY = 86_400;

const marked = (backup: number, time: number, of: string = history): ExistingSnapshot => ({
  snapshot: { ...group, time },
  comment: seedNotes({ backup, history: of }, '').split('\n')[0] ?? '',
});

test('an empty group gets the whole history, a day apart and the newest now', () => {
  const backups = planSeed({ group, history, depth: 3, existing: [], now: NOW });
  assert.deepEqual(
    backups.map(({ backup, snapshot }) => [backup, snapshot.time]),
    [
      [0, NOW - 2 * DAY],
      [1, NOW - DAY],
      [2, NOW],
    ],
  );
});

test('a history goes on where it stopped, and ends where it is complete', () => {
  const existing = [marked(1, NOW - 5), marked(0, NOW - DAY)];
  const backups = planSeed({ group, history, depth: 4, existing, now: NOW });
  assert.deepEqual(
    backups.map(({ backup, snapshot }) => [backup, snapshot.time]),
    [
      [2, NOW - 4],
      [3, NOW],
    ],
  );
  for (const depth of [1, 2]) assert.deepEqual(planSeed({ group, history, depth, existing, now: NOW }), []);
});

test('a group whose newest snapshot is of something else is left alone', () => {
  const foreign: ExistingSnapshot = { snapshot: { ...group, time: NOW - 1 }, comment: 'nightly' };
  for (const existing of [[foreign], [marked(0, NOW - 2), foreign], [marked(0, NOW - 2, 'f'.repeat(16))]])
    assert.throws(() => planSeed({ group, history, depth: 2, existing, now: NOW }), {
      code: 'group-not-seeded',
      exitCode: 2,
    });
});

test('times always ascend, and are newer than all that are there', () => {
  assertProperty(
    property(integer({ min: 1, max: 50 }), integer({ min: -100 * DAY, max: 100 * DAY }), (missing, offset) => {
      const existing = [marked(4, NOW + offset)];
      const times = planSeed({ group, history, depth: 5 + missing, existing, now: NOW }).map(
        ({ snapshot }) => snapshot.time,
      );
      assert.equal(times.length, missing);
      for (const [index, time] of times.entries()) assert.ok(time > (times[index - 1] ?? NOW + offset));
    }),
  );
});
