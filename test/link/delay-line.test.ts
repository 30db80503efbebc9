import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { DelayLine } from '../../src/link/delay-line.ts';

function takeDue(line: DelayLine<number>, nowMs: number): number[] {
  const taken: number[] = [];
  for (let item = line.peekDue(nowMs); item !== undefined; item = line.peekDue(nowMs)) {
    line.shift();
    taken.push(item);
  }
  return taken;
}

test('items come out at their own due times, any number under way at once', () => {
  const line = new DelayLine<number>();
  for (const [item, dueMs] of [
    [1, 10],
    [2, 11],
    [3, 20],
  ] as const)
    line.push(item, dueMs);
  assert.equal(line.nextDueMs, 10);
  assert.equal(line.lastDueMs, 20);
  assert.deepEqual(takeDue(line, 9.999), []);
  assert.deepEqual(takeDue(line, 11), [1, 2]);
  assert.equal(line.nextDueMs, 20);
  assert.deepEqual(takeDue(line, 20), [3]);
  assert.equal(line.nextDueMs, Infinity);
  assert.ok(line.isEmpty);
});

test('an item with a shorter delay waits for the one before it', () => {
  const line = new DelayLine<number>();
  assert.equal(line.push(1, 10), 10);
  assert.equal(line.push(2, 7), 10);
  assert.equal(line.push(3, 12), 12);
  assert.deepEqual(takeDue(line, 9), []);
  assert.deepEqual(takeDue(line, 10), [1, 2]);
});

test('an item never comes out early, late beyond a predecessor, or out of order', () => {
  const pushes = fc.array(
    fc.record({
      gapMs: fc.double({ min: 0, max: 5, noNaN: true }),
      delayMs: fc.double({ min: 0, max: 20, noNaN: true }),
    }),
    {
      maxLength: 3000,
    },
  );
  fc.assert(
    fc.property(pushes, (items) => {
      const line = new DelayLine<number>();
      const taken: number[] = [];
      const dueMs: number[] = [];
      let nowMs = 0;
      for (const [index, { gapMs, delayMs }] of items.entries()) {
        nowMs += gapMs;
        for (const item of takeDue(line, nowMs)) {
          assert.ok((dueMs[item] ?? Infinity) <= nowMs);
          taken.push(item);
        }
        dueMs.push(nowMs + delayMs);
        assert.equal(
          line.push(index, nowMs + delayMs),
          Math.max(...dueMs.slice(-50), dueMs.length > 50 ? line.lastDueMs : 0),
        );
      }
      taken.push(...takeDue(line, Infinity));
      assert.deepEqual(taken, [...items.keys()]);
    }),
    { numRuns: 30 },
  );
});
