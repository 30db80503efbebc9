import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';

import { Permits } from '../../src/model/permits.ts';

test('permits go to at most the given number, in the order of asking', async () => {
  const permits = new Permits(2);
  const order: number[] = [];
  let most = 0;
  await Promise.all(
    Array.from({ length: 10 }, async (_, index) => {
      await permits.take();
      order.push(index);
      most = Math.max(most, permits.taken);
      await new Promise((resolve) => setImmediate(resolve));
      permits.give();
    }),
  );
  assert.deepEqual([order, most], [Array.from({ length: 10 }, (_, index) => index), 2]);
  assert.deepEqual([permits.taken, permits.waiting], [0, 0]);
});

test('whoever gives up while waiting is passed over, and its permit is not lost', async () => {
  const permits = new Permits(1);
  await permits.take();
  const abort = new AbortController();
  const givesUp = assert.rejects(permits.take(abort.signal), /enough/u);
  const next = permits.take();
  assert.equal(permits.waiting, 2);
  abort.abort(new Error('enough'));
  await givesUp;
  permits.give();
  await next;
  assert.deepEqual([permits.taken, permits.waiting], [1, 0]);
  await assert.rejects(permits.take(abort.signal), /enough/u);
});

test('an abort after the permit was given changes nothing', async () => {
  const permits = new Permits(1);
  await permits.take();
  const abort = new AbortController();
  const waiting = permits.take(abort.signal);
  permits.give();
  assert.deepEqual(getEventListeners(abort.signal, 'abort'), []);
  abort.abort(new Error('too late'));
  await waiting;
  assert.equal(permits.taken, 1);
});

test('a higher limit lets more in at once, a lower one when enough were given back', async () => {
  const permits = new Permits(1);
  const taken: number[] = [];
  for (let index = 0; index < 5; index += 1) void permits.take().then(() => taken.push(index));
  permits.setLimit(3);
  assert.deepEqual([permits.taken, permits.waiting], [3, 2]);
  permits.setLimit(1);
  permits.give();
  permits.give();
  assert.deepEqual([permits.taken, permits.waiting], [1, 2]);
  permits.setLimit(Infinity);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(taken, [0, 1, 2, 3, 4]);
});

test('a number of permits that makes no sense is refused', () => {
  for (const limit of [0, -1, 1.5, Number.NaN, -Infinity]) assert.throws(() => new Permits(limit), RangeError);
});

test('a limit of 0 lets nobody in until it is raised', async () => {
  const permits = new Permits(1);
  permits.setLimit(0);
  assert.equal(permits.tryTake(), false);
  const waiting = permits.take();
  assert.deepEqual([permits.taken, permits.waiting], [0, 1]);
  permits.setLimit(1);
  await waiting;
  assert.throws(() => permits.setLimit(-1), RangeError);
});

test('one that needs no waiting can be had at once, but not before those who wait', async () => {
  const permits = new Permits(1);
  assert.equal(permits.tryTake(), true);
  assert.equal(permits.tryTake(), false);
  const waiting = permits.take();
  permits.give();
  assert.equal(permits.tryTake(), false, 'it went to the one who waited');
  await waiting;
  permits.give();
  assert.equal(permits.tryTake(), true);
  assert.equal(permits.taken, 1);
});
