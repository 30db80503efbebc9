import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { multiConnection } from '../../src/strategy/multi-connection.ts';
import { windowUnordered } from '../../src/strategy/window-unordered.ts';
import { restores } from '../simulation/random-restores.ts';
import { imageOf, simulateRestore } from '../simulation/simulated-restore.ts';

// 4 MiB take 3.4 ms at 10 Gbit/s and 168 ms at 200 Mbit/s.
const longPath = { image: imageOf('D'.repeat(400)), roundTripMs: 100, linkMs: 3.4, connectionMs: 168, inFlight: 16 };

test('four connections of 200 Mbit/s each on a much faster link carry 3.6 times as much as one, and more', async () => {
  const one = await simulateRestore(multiConnection, { ...longPath, connections: 1 });
  const four = await simulateRestore(multiConnection, { ...longPath, connections: 4 });
  assert.ok(one.totalMs / four.totalMs >= 3.6, `${one.totalMs / four.totalMs}`);
  assert.deepEqual(four.observed.fetchesOf, [100, 100, 100, 100]);
});

test('more connections than the link has room for add nothing', async () => {
  const options = { ...longPath, linkMs: 84 };
  const two = await simulateRestore(multiConnection, { ...options, connections: 2 });
  const eight = await simulateRestore(multiConnection, { ...options, connections: 8 });
  assert.ok(two.totalMs / eight.totalMs < 1.02, `${two.totalMs / eight.totalMs}`);
});

test('a request goes to the connection with the fewest under way, the first among equals', async () => {
  const slots: (readonly number[])[] = [[], [], []];
  const { totalMs } = await simulateRestore(multiConnection, {
    image: imageOf('DDDDDDD'),
    connections: 3,
    inFlight: 4,
    roundTripMs: 10,
    fetchDelayMs: (slot) => (slot === 0 ? 100 : slot),
    wrap: (context) => ({
      ...context,
      sources: context.sources.map((source, connection) => ({
        fetch: (digest, signal) => {
          slots[connection] = [...(slots[connection] ?? []), Number.parseInt(digest, 16)];
          return source.fetch(digest, signal);
        },
      })),
    }),
  });
  // 0 to 3 at once: 0 and 3 share the first connection. 1, 2 and 3 are back at 11, 12 and 13 ms, and 6 finds one under way everywhere.
  assert.deepEqual(slots, [
    [0, 3, 6],
    [1, 4],
    [2, 5],
  ]);
  assert.equal(totalMs, 110);
});

test('with one connection it does what window-unordered does, at the same times', async () => {
  await fc.assert(
    fc.asyncProperty(restores, async (options) => {
      const one = await simulateRestore(multiConnection, { ...options, connections: 1 });
      const window = await simulateRestore(windowUnordered, { ...options, connections: 1 });
      assert.deepEqual(one.observed.fetches, window.observed.fetches);
      assert.deepEqual(one.observed.writes, window.observed.writes);
    }),
    { numRuns: 40 },
  );
});
