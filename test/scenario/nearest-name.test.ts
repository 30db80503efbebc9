import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { editDistance, nearestName } from '../../src/scenario/nearest-name.ts';

test('suggests the name that differs by a slip of the fingers', () => {
  const names = ['roundTrip', 'jitter', 'rate', 'connectionRate'];
  assert.equal(nearestName('roundtrip', names), 'roundTrip');
  assert.equal(nearestName('jiter', names), 'jitter');
  assert.equal(nearestName('arte', names), 'rate');
});

test('suggests nothing where nothing is near', () => {
  assert.equal(nearestName('colour', ['roundTrip', 'depth']), undefined);
  assert.equal(nearestName('x', []), undefined);
  assert.equal(nearestName('a'.repeat(100_000), ['a'.repeat(100)]), undefined);
});

test('the distance is 0 to itself, symmetric, at most the longer length, and 1 for one swap', () => {
  assert.equal(editDistance('ordered', 'odrered'), 1);
  fc.assert(
    fc.property(fc.string({ maxLength: 20 }), fc.string({ maxLength: 20 }), (a, b) => {
      assert.equal(editDistance(a, a), 0);
      assert.equal(editDistance(a, b), editDistance(b, a));
      assert.ok(editDistance(a, b) <= Math.max(a.toLowerCase().length, b.toLowerCase().length));
    }),
  );
});
