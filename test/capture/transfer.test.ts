import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Transfer } from '../../src/capture/transfer.ts';

test('the rate of a transfer is that of its steady part', () => {
  const transfer = new Transfer();
  // A slow start, then 1000 bytes every 2 ms, then a last one that comes late.
  for (let index = 0; index < 20; index += 1) transfer.add(index * 20, 1000);
  for (let index = 0; index < 200; index += 1) transfer.add(400 + index * 2, 1000);
  transfer.add(5000, 1000);
  const { value, interval: [low, high] = [0, 0] } = transfer.steadyRate() ?? { value: 0 };
  assert.ok(Math.abs(value / 500_000 - 1) < 0.01, String(value));
  assert.ok(low > 495_000 && high < 505_000, `${low} to ${high}`);
});

test('nothing and a single piece have no rate', () => {
  const transfer = new Transfer();
  assert.equal(transfer.steadyRate(), undefined);
  transfer.add(1, 1000);
  assert.equal(transfer.steadyRate(), undefined);
});

test('the fastest part tells what the way allows where something else held the others up', () => {
  const transfer = new Transfer();
  let atMs = 0;
  for (let index = 0; index < 400; index += 1) {
    atMs += index < 150 || index > 250 ? 4 : 2;
    transfer.add(atMs, 1000);
  }
  assert.ok((transfer.steadyRate()?.value ?? 0) < 420_000);
  assert.ok(Math.abs((transfer.fastestRate() ?? 0) / 500_000 - 1) < 0.02, String(transfer.fastestRate()));
});
