import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { DelayLine } from '../../src/link/delay-line.ts';
import { LinkDirection } from '../../src/link/direction.ts';
import type { LinkSettings } from '../../src/model/environment.ts';
import { metric } from '../../src/model/metric.ts';

/** A direction whose jitter is drawn from `draws` in turn. */
function direction(settings: Partial<LinkSettings>, draws: readonly number[] = [0.5]): LinkDirection {
  let drawn = 0;
  const made = new LinkDirection({ random: () => draws[drawn++ % draws.length] ?? 0.5 });
  made.configure({ roundTripMs: 0, jitterMs: 0, ...settings });
  return made;
}

/** Bytes of so many milliseconds at 1 MB/s. */
const ms = (milliseconds: number): number => milliseconds * 1000;

test('half of the round trip is added in each direction, and any number of messages is under way', () => {
  const link = direction({ roundTripMs: 30 });
  const connection = link.connectionSchedule();
  assert.deepEqual(
    [0, 1, 2].map((atMs) => link.due(atMs, 1000, connection)),
    [15, 16, 17],
  );
});

test('bytes pay the rate and then the delay, which they share', () => {
  const link = direction({ roundTripMs: 20, rateBytesPerSecond: 1_000_000 });
  const connection = link.connectionSchedule();
  assert.deepEqual(
    [ms(5), ms(5), ms(2)].map((bytes) => link.due(0, bytes, connection)),
    [15, 20, 22],
  );
  assert.deepEqual(link.busyMs(6), metric(6));
});

test('an idle link saves nothing up, but bytes that waited for the emulator make up for 5 ms of it', () => {
  const link = direction({ roundTripMs: 20, rateBytesPerSecond: 1_000_000 });
  const connection = link.connectionSchedule();
  assert.equal(link.due(0, ms(4), connection), 14);
  assert.equal(link.due(100, ms(4), connection), 114);
  assert.equal(link.due(106, ms(4), connection, true), 118);
  assert.equal(link.due(200, ms(4), connection, true), 210);
  assert.equal(link.due(200, ms(4), connection, true), 213);
});

test('two connections share the rate, first come first served', () => {
  const link = direction({ rateBytesPerSecond: 1_000_000 });
  const [one, other] = [link.connectionSchedule(), link.connectionSchedule()];
  assert.deepEqual(
    [one, other, one, other].map((connection) => link.due(0, ms(4), connection)),
    [4, 8, 12, 16],
  );
});

test('a connection has its own rate beside the shared one, and the slower of the two counts', () => {
  const link = direction({ rateBytesPerSecond: 4_000_000, connectionRateBytesPerSecond: 1_000_000 });
  const [one, other] = [link.connectionSchedule(), link.connectionSchedule()];
  assert.deepEqual(
    [one, other, one, other].map((connection) => link.due(0, ms(4), connection)),
    [4, 4, 8, 8],
  );
  const crowd = Array.from({ length: 8 }, () => link.connectionSchedule());
  const last = crowd.map((connection) => link.due(100, ms(4), connection)).at(-1);
  assert.equal(last, 108);
});

test('jitter is uniform to either side and never makes a delay negative', () => {
  const link = direction({ roundTripMs: 4, jitterMs: 3 }, [0, 0.5, 0.75, 1 - 1e-9]);
  const connection = link.connectionSchedule();
  const delays = [1, 2, 3, 4].map(() => link.due(0, 0, connection));
  assert.deepEqual(
    delays.map((delay) => Math.round(delay * 1e6) / 1e6),
    [0, 2, 3.5, 5],
  );
});

test('new settings hold for what arrives afterwards, and a rate that is gone is unknown to the counters', () => {
  const link = direction({ roundTripMs: 10, rateBytesPerSecond: 1_000_000 });
  const connection = link.connectionSchedule();
  assert.equal(link.due(0, ms(3), connection), 8);
  link.configure({ roundTripMs: 2, jitterMs: 0 });
  assert.equal(link.due(10, ms(3), connection), 11);
  assert.ok('unavailable' in link.busyMs(20));
});

test('more may be inside than the link holds in flight, shared by the active connections and never unbounded', () => {
  const link = direction({ roundTripMs: 100, rateBytesPerSecond: 100_000_000 });
  const inFlight = 100_000_000 * 0.05;
  assert.ok(link.connectionLimitBytes > inFlight && link.connectionLimitBytes < inFlight * 1.5);
  assert.ok(link.connectionLimitBytes - link.resumeBytes / 2 > inFlight, 'an idle link');
  const alone = link.connectionLimitBytes;
  link.activeConnections = 4;
  assert.equal(link.connectionLimitBytes, Math.floor(alone / 4));
  assert.ok(direction({ roundTripMs: 60_000 }).connectionLimitBytes <= 128 * 1024 * 1024);
  const own = direction({ roundTripMs: 100, rateBytesPerSecond: 100_000_000, connectionRateBytesPerSecond: 1_000_000 });
  assert.ok(own.connectionLimitBytes < 200_000);
});

test('whatever the jitter, the rates and the settings, bytes of a connection stay in order and are not early', () => {
  const settings = fc.record({
    roundTripMs: fc.double({ min: 0, max: 50, noNaN: true }),
    jitterMs: fc.double({ min: 0, max: 30, noNaN: true }),
    rateBytesPerSecond: fc.constantFrom(100_000, 1_000_000, 50_000_000),
  });
  const step = fc.record({
    gapMs: fc.double({ min: 0, max: 5, noNaN: true }),
    bytes: fc.integer({ min: 0, max: 9000 }),
    change: fc.option(settings, { freq: 10 }),
  });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })),
      (steps, draws) => {
        const link = new LinkDirection({ random: () => draws.next().value as number });
        const connection = link.connectionSchedule();
        const line = new DelayLine<number>();
        let nowMs = 0;
        let previousMs = -Infinity;
        let leastDelayMs = 0;
        for (const [index, { gapMs, bytes, change }] of steps.entries()) {
          nowMs += gapMs;
          if (change !== null) {
            link.configure(change);
            leastDelayMs = Math.max(0, change.roundTripMs / 2 - change.jitterMs);
          }
          const dueMs = line.push(index, link.due(nowMs, bytes, connection));
          assert.ok(dueMs >= previousMs && dueMs >= nowMs + leastDelayMs - 1e-9);
          previousMs = dueMs;
        }
        for (const index of steps.keys()) {
          assert.equal(line.peekDue(Infinity), index);
          line.shift();
        }
      },
    ),
    { numRuns: 60 },
  );
});
