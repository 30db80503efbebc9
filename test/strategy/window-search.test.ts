import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { windowSearch } from '../../src/strategy/window-search.ts';

/** The windows that are tried, one after the other, where each has the rate of `curve`. */
function follow(curve: (window: number) => number, { bound = 64, trials = 400 } = {}): number[] {
  const search = windowSearch(bound);
  const windows: number[] = [];
  let { window } = search.next().value;
  for (let trial = 0; trial < trials; trial += 1) {
    windows.push(window);
    ({ window } = search.next(curve(window)).value);
  }
  return windows;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

test('it doubles from one until the rate stops growing, twice in a row while few chunks have told it', () => {
  assert.deepEqual(
    follow((window) => Math.min(window, 1.5), { trials: 6 }),
    [1, 2, 4, 8, 2, 2],
  );
  assert.deepEqual(
    follow((window) => Math.min(window, 3), { trials: 7 }),
    [1, 2, 4, 8, 16, 4, 4],
  );
  // 16 and more chunks are enough to believe in a plateau at once.
  assert.deepEqual(
    follow((window) => Math.min(window, 20), { trials: 9 }),
    [1, 2, 4, 8, 16, 32, 64, 32, 32],
  );
  assert.deepEqual(
    follow((window) => window, { trials: 9 }),
    [1, 2, 4, 8, 16, 32, 64, 64, 64],
  );
});

test('it settles at the knee of any path, within the two steps of a quarter, and never leaves its bound', () => {
  fc.assert(
    fc.property(fc.double({ min: 1, max: 80, noNaN: true }), fc.integer({ min: 1, max: 100 }), (knee, bound) => {
      const windows = follow((window) => Math.min(window, knee), { bound });
      assert.ok(windows.every((window) => window >= 1 && window <= bound));
      const settled = windows.slice(20);
      const reachable = Math.min(knee, bound);
      assert.ok(median(settled) >= 0.95 * reachable, `${median(settled)} of ${reachable}`);
      assert.ok(Math.max(...settled) <= Math.max(2, Math.ceil(knee) * 2));
    }),
  );
});

test('where more in flight are slower, as on a disk that has to seek, it stays at the best', () => {
  const windows = follow((window) => (window <= 4 ? window : 4 - (window - 4) / 8));
  assert.equal(median(windows), 4);
});

test('it follows a path whose knee moves, up and down', () => {
  let trial = 0;
  const kneeAt = (): number => (trial < 300 ? 4 : trial < 900 ? 30 : 6);
  const windows = follow((window) => (trial += 1) && Math.min(window, kneeAt()), { trials: 1500 });
  assert.ok(median(windows.slice(250, 300)) <= 6);
  assert.ok(median(windows.slice(800, 900)) >= 28);
  assert.ok(median(windows.slice(1400)) <= 9);
});

test('rates that are off by a fifth at random do not lead it astray', () => {
  // A generator of the kind of Lehmer, so that the test is the same every time.
  let state = 20_160_216;
  const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (const knee of [2, 5, 12, 40]) {
    const windows = follow((window) => Math.min(window, knee) * (0.8 + 0.4 * random()), { trials: 2000 });
    const rates = windows.slice(200).map((window) => Math.min(window, knee) / knee);
    const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
    assert.ok(mean >= 0.9, `${mean} of the best at ${knee}`);
  }
});

test('a rate that no time was taken for is as good as any', () => {
  assert.equal(Math.max(...follow(() => Infinity)), 64);
});
