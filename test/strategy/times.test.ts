import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { concurrent } from '../../src/strategy/concurrent.ts';
import { sequential } from '../../src/strategy/sequential.ts';
import { windowOrdered } from '../../src/strategy/window-ordered.ts';
import { windowUnordered } from '../../src/strategy/window-unordered.ts';
import { imageOf, simulateRestore } from '../simulation/simulated-restore.ts';

const windows = [concurrent, windowUnordered, windowOrdered];
const data = (count: number): string => 'D'.repeat(count);

test('sequential takes the sum of every step of every chunk', async () => {
  const costs = { roundTripMs: 10, readLatencyMs: 2, linkMs: 4, decodeMs: 3, writeMs: 1, writeZeroesMs: 5 };
  const { totalMs, observed } = await simulateRestore(sequential, { image: imageOf('D0DD0s'), ...costs });
  assert.equal(totalMs, 4 * (10 + 2 + 4 + 3 + 1) + 2 * 5);
  assert.deepEqual(observed.writeCalls, [0, 1, 2, 3, 4, 5]);
  assert.equal(observed.peakInFlight, 1);
});

for (const strategy of windows) {
  suite(strategy.name, () => {
    test('latency alone: one round trip for each window full of chunks', async () => {
      const costs = { roundTripMs: 10, inFlight: 16 };
      assert.equal((await simulateRestore(strategy, { image: imageOf(data(32)), ...costs })).totalMs, 20);
      assert.equal((await simulateRestore(strategy, { image: imageOf(data(33)), ...costs })).totalMs, 30);
    });

    test('a window of one takes as long as sequential, but for the zeros', async () => {
      const options = {
        image: imageOf('D0DD0s'),
        inFlight: 1,
        roundTripMs: 10,
        linkMs: 4,
        decodeMs: 3,
        writeMs: 1,
        writeZeroesMs: 5,
      };
      const { totalMs, observed } = await simulateRestore(strategy, options);
      // The windows write zeros while a chunk beside them is on its way; concurrent has written them before.
      const hidden = strategy === concurrent ? 0 : 2 * 5;
      assert.equal(totalMs, 4 * 18 + 2 * 5 - hidden);
      assert.equal(observed.peakInFlight, 1);
    });

    test('a busy link: one round trip, then the link’s time for every chunk', async () => {
      const { totalMs } = await simulateRestore(strategy, {
        image: imageOf(data(40)),
        inFlight: 16,
        roundTripMs: 10,
        linkMs: 4,
      });
      assert.equal(totalMs, 10 + 40 * 4);
    });

    test('a window too small for the link: round trip plus link time for each window', async () => {
      // 3 chunks in flight, 10 ms + 4 ms of link until the first is back: three chunks in every 14 ms.
      const { totalMs } = await simulateRestore(strategy, {
        image: imageOf(data(30)),
        inFlight: 3,
        roundTripMs: 10,
        linkMs: 4,
      });
      assert.equal(totalMs, 9 * 14 + 10 + 3 * 4);
    });

    test('busy storage: the reads queue for the places of the disk', async () => {
      const { totalMs } = await simulateRestore(strategy, {
        image: imageOf(data(20)),
        inFlight: 16,
        roundTripMs: 2,
        readLatencyMs: 5,
        queueDepth: 2,
      });
      assert.equal(totalMs, 2 + (20 / 2) * 5);
    });

    test('busy decode threads: one round trip, then the chunks of each thread', async () => {
      const { totalMs } = await simulateRestore(strategy, {
        image: imageOf(data(21)),
        inFlight: 16,
        roundTripMs: 10,
        decodeMs: 8,
        decodeThreads: 4,
      });
      assert.equal(totalMs, 10 + 6 * 8);
    });

    test('a busy writer: one round trip, then the writer’s time for every chunk', async () => {
      const { totalMs } = await simulateRestore(strategy, {
        image: imageOf(data(21)),
        inFlight: 16,
        roundTripMs: 10,
        writeMs: 7,
      });
      assert.equal(totalMs, 10 + 21 * 7);
    });

    test('the window slides: the next request leaves in the instant in which a write returns', async () => {
      const { observed } = await simulateRestore(strategy, {
        image: imageOf(data(8)),
        inFlight: 3,
        roundTripMs: 10,
        writeMs: 2,
      });
      assert.deepEqual(
        observed.fetches.map(({ calledMs }) => calledMs),
        [0, 0, 0, 12, 14, 16, 24, 26],
      );
      assert.deepEqual(
        observed.fetches.map(({ slot }) => slot),
        [0, 1, 2, 3, 4, 5, 6, 7],
      );
      assert.equal(observed.peakInFlight, 3);
    });

    test('an image of zeros alone is written without a fetch', async () => {
      const { observed, totalMs } = await simulateRestore(strategy, {
        image: imageOf('0000'),
        roundTripMs: 10,
        writeZeroesMs: 1,
      });
      assert.deepEqual(observed.fetches, []);
      assert.deepEqual(observed.writeCalls, [0, 1, 2, 3]);
      assert.equal(totalMs, 4);
    });

    test('an empty image is nothing to do', async () => {
      const { totalMs, error } = await simulateRestore(strategy, { image: imageOf('') });
      assert.equal(error, undefined);
      assert.equal(totalMs, 0);
    });
  });
}

test('concurrent writes all zeros before it asks for the first chunk', async () => {
  const { observed, totalMs } = await simulateRestore(concurrent, {
    image: imageOf('D0D00D'),
    roundTripMs: 10,
    writeZeroesMs: 2,
  });
  assert.deepEqual(observed.writeCalls, [1, 3, 4, 0, 2, 5]);
  assert.deepEqual(
    observed.fetches.map(({ calledMs }) => calledMs),
    [6, 6, 6],
  );
  assert.equal(totalMs, 3 * 2 + 10);
});

test('window-unordered writes zeros where they stand, beside the fetches before them', async () => {
  const { observed, totalMs } = await simulateRestore(windowUnordered, {
    image: imageOf('D0D00D'),
    roundTripMs: 10,
    writeZeroesMs: 2,
  });
  assert.deepEqual(observed.fetches, [
    { slot: 0, calledMs: 0 },
    { slot: 2, calledMs: 2 },
    { slot: 5, calledMs: 6 },
  ]);
  assert.deepEqual(observed.writeCalls, [1, 3, 4, 0, 2, 5]);
  assert.equal(totalMs, 16);
});

test('window-unordered goes on with the zeros while the window is full of slow chunks only up to the next data chunk', async () => {
  const { observed } = await simulateRestore(windowUnordered, {
    image: imageOf('DD00D00'),
    inFlight: 2,
    roundTripMs: 10,
    writeZeroesMs: 1,
  });
  assert.deepEqual(observed.writeCalls, [2, 3, 0, 1, 5, 6, 4]);
});

test('window-ordered requests past the zeros and writes them in their turn', async () => {
  const { observed, totalMs } = await simulateRestore(windowOrdered, {
    image: imageOf('D0D00D'),
    inFlight: 2,
    roundTripMs: 10,
    writeZeroesMs: 2,
  });
  assert.deepEqual(observed.fetches, [
    { slot: 0, calledMs: 0 },
    { slot: 2, calledMs: 0 },
    { slot: 5, calledMs: 10 },
  ]);
  assert.deepEqual(observed.writeCalls, [0, 1, 2, 3, 4, 5]);
  // Zeros at 10-12, slot 2 at 12, zeros at 12-16, slot 5 is back at 20.
  assert.equal(totalMs, 20);
});

test('a slow chunk holds up the writes behind it in window-ordered, and in window-unordered only its own place', async () => {
  const options = {
    image: imageOf(data(6)),
    inFlight: 3,
    roundTripMs: 10,
    fetchDelayMs: (slot: number) => (slot === 0 ? 25 : 0),
  };
  const ordered = await simulateRestore(windowOrdered, options);
  assert.deepEqual(
    ordered.observed.fetches.map(({ calledMs }) => calledMs),
    [0, 0, 0, 35, 35, 35],
  );
  assert.deepEqual(ordered.observed.writeCalls, [0, 1, 2, 3, 4, 5]);
  assert.equal(ordered.totalMs, 45);

  const unordered = await simulateRestore(windowUnordered, options);
  assert.deepEqual(
    unordered.observed.fetches.map(({ calledMs }) => calledMs),
    [0, 0, 0, 10, 10, 20],
  );
  assert.deepEqual(unordered.observed.writeCalls, [1, 2, 3, 4, 5, 0]);
  assert.equal(unordered.totalMs, 35);
});

test('the gain of a window over sequential at 10 ms is what Little’s law says', async () => {
  const options = { image: imageOf(data(160)), roundTripMs: 10, linkMs: 0, decodeMs: 2, writeMs: 0, decodeThreads: 16 };
  const one = await simulateRestore(sequential, options);
  const sixteen = await simulateRestore(windowUnordered, { ...options, inFlight: 16 });
  assert.equal(one.totalMs / sixteen.totalMs, 16);
});
