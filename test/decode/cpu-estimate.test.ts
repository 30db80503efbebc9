import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CpuEstimate } from '../../src/decode/cpu-estimate.ts';

test('time without a core is left out, and short pieces count less', () => {
  const estimate = new CpuEstimate();
  assert.equal(estimate.note(1, 100), 1);
  assert.equal(estimate.note(1, 100), 1);
  assert.equal(estimate.note(9, 100), 1, 'waited for a core');
  assert.equal(estimate.note(9, 10), 0.1);
  assert.equal(estimate.note(0.5, 100), 0.5, 'never more than it took');
});

test('a lasting change is followed', () => {
  const estimate = new CpuEstimate();
  for (let index = 0; index < 50; index += 1) estimate.note(1, 100);
  for (let index = 0; index < 15; index += 1) estimate.note(3, 100);
  assert.equal(estimate.note(3, 100), 3);
});
