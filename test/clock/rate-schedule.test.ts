import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { RateSchedule } from '../../src/clock/rate-schedule.ts';

function limited(bytesPerSecond: number): RateSchedule {
  const schedule = new RateSchedule();
  schedule.setRate(bytesPerSecond);
  return schedule;
}

test('bytes leave at max(arrival, free) + bytes / rate', () => {
  const schedule = limited(1_000_000);
  assert.equal(schedule.reserve(0, 1000), 1);
  assert.equal(schedule.reserve(0, 2000), 3);
  assert.equal(schedule.reserve(10, 500), 10.5);
});

test('without a rate bytes leave as they arrive, but not before those already reserved', () => {
  const schedule = limited(1_000_000);
  assert.equal(schedule.reserve(0, 5000), 5);
  schedule.setRate(undefined);
  assert.equal(schedule.reserve(1, 1_000_000), 5);
  assert.equal(schedule.reserve(7, 1_000_000), 7);
});

test('bytes that waited use what was free meanwhile, but are never out before they arrive', () => {
  const schedule = limited(1_000_000);
  assert.equal(schedule.reserve(100, 1000, 2), 100);
  assert.equal(schedule.reserve(100, 3000, 2), 102);
  assert.equal(schedule.reserve(200, 1000), 201);
});

test('busy time is what has passed by now, and a reset starts it again', () => {
  const schedule = limited(1_000_000);
  schedule.reserve(0, 4000);
  assert.equal(schedule.busyMs(1), 1);
  schedule.resetBusy(1);
  assert.equal(schedule.busyMs(1), 0);
  assert.equal(schedule.busyMs(3), 2);
  assert.equal(schedule.busyMs(50), 3);
});

test('no stretch of time passes more than the rate allows plus what waited', () => {
  const arrivals = fc.array(
    fc.record({ gapMs: fc.double({ min: 0, max: 20, noNaN: true }), bytes: fc.integer({ min: 1, max: 50_000 }) }),
    {
      minLength: 1,
      maxLength: 60,
    },
  );
  fc.assert(
    fc.property(arrivals, fc.double({ min: 0, max: 3, noNaN: true }), (items, waitedMs) => {
      const schedule = limited(1_000_000);
      let nowMs = 0;
      const departures = items.map(({ gapMs, bytes }) => ({
        bytes,
        atMs: schedule.reserve((nowMs += gapMs), bytes, waitedMs),
      }));
      for (let from = 0; from < departures.length; from += 1) {
        let bytes = 0;
        for (let to = from + 1; to < departures.length; to += 1) {
          bytes += departures[to]?.bytes ?? 0;
          const spanMs = (departures[to]?.atMs ?? 0) - (departures[from]?.atMs ?? 0);
          assert.ok(bytes / 1000 <= spanMs + waitedMs + 1e-6);
        }
      }
    }),
  );
});
