import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';

import { Places } from '../../src/strategy/places.ts';

test('places are given out in the order of the calls, the lowest free number first', async () => {
  const places = new Places(2);
  assert.deepEqual(await Promise.all([places.take(), places.take()]), [0, 1]);
  const taken: string[] = [];
  const third = places.take().then((place) => taken.push(`third ${place}`));
  const fourth = places.take().then((place) => taken.push(`fourth ${place}`));
  places.give(1);
  places.give(0);
  await Promise.all([third, fourth]);
  assert.deepEqual(taken, ['third 1', 'fourth 0']);
});

test('whoever gives up while waiting is passed over, and its place is not lost', async () => {
  const places = new Places(1);
  const place = await places.take();
  const abort = new AbortController();
  const givesUp = assert.rejects(places.take(abort.signal), /enough/u);
  const next = places.take();
  abort.abort(new Error('enough'));
  await givesUp;
  places.give(place);
  assert.equal(await next, 0);
  await assert.rejects(places.take(abort.signal), /enough/u);
});

test('an abort after the place was given changes nothing', async () => {
  const places = new Places(1);
  await places.take();
  const abort = new AbortController();
  const waiting = places.take(abort.signal);
  places.give(0);
  assert.deepEqual(getEventListeners(abort.signal, 'abort'), []);
  abort.abort(new Error('too late'));
  assert.equal(await waiting, 0);
});

test('a number of places that makes no sense is refused', () => {
  for (const count of [0, -1, 1.5, Number.NaN, Infinity]) assert.throws(() => new Places(count), RangeError);
});
