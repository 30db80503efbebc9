import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import * as fc from 'fast-check';

import type { Strategy } from '../../src/model/ports.ts';
import { strategies } from '../../src/strategy/strategies.ts';
import { politeAdaptive, variants } from './variants.ts';
import { restores } from '../simulation/random-restores.ts';
import { CHUNK_SIZE, simulateRestore, type RestoreOptions } from '../simulation/simulated-restore.ts';

/** Their window is not always full: no chunk is requested while a zero chunk before it is written, or it is smaller. */
const hasUnusedPlaces: ReadonlySet<string> = new Set([
  'window-unordered',
  'multi-connection',
  'adaptive',
  politeAdaptive.name,
]);

const inFlightOf = (strategy: Strategy, options: RestoreOptions): number =>
  strategy.fixed.includes('inFlight') ? strategy.defaults.inFlight : (options.inFlight ?? 0);

for (const strategy of variants) {
  suite(strategy.name, () => {
    test('every slot is written once, where it belongs, and nothing is fetched twice', async () => {
      await fc.assert(
        fc.asyncProperty(restores, async (options) => {
          const { observed, error, clock } = await simulateRestore(strategy, options);
          assert.equal(error, undefined);
          const slots = [...options.image.slots()];
          const written = observed.writes.toSorted((a, b) => a.slot - b.slot);
          assert.deepEqual(
            written.map(({ offset, length, zeroes }) => ({ offset, length, zeroes })),
            slots.map(({ offset, length, isZero }) => ({ offset, length, zeroes: isZero })),
          );
          assert.deepEqual(
            observed.fetches.map(({ slot }) => slot),
            slots.filter(({ isZero }) => !isZero).map(({ index }) => index),
          );
          assert.equal(observed.running, 0);
          assert.equal(clock.sleeping, 0);
        }),
        { numRuns: 60 },
      );
    });

    test('never more than inFlight chunks are between their request and the return of their write', async () => {
      await fc.assert(
        fc.asyncProperty(restores, async (options) => {
          const { observed } = await simulateRestore(strategy, options);
          const dataSlots = observed.fetches.length;
          assert.ok(observed.peakInFlight <= inFlightOf(strategy, options));
          // A window that a strategy leaves unused would be a fault as well.
          if (!hasUnusedPlaces.has(strategy.name) && options.roundTripMs > 0) {
            assert.equal(observed.peakInFlight, Math.min(inFlightOf(strategy, options), dataSlots));
          }
        }),
        { numRuns: 40 },
      );
    });

    test('no restore is faster than its busiest resource, or slower than one step after the other', async () => {
      await fc.assert(
        fc.asyncProperty(restores, async (options) => {
          const { totalMs } = await simulateRestore(strategy, options);
          const data = [...options.image.slots()].filter(({ isZero }) => !isZero);
          const sum = (costs: readonly number[]): number => costs.reduce((total, ms) => total + ms, 0);
          const decodes = data.map((slot) => options.decodeMs(slot));
          const writes = data.map(({ offset }) => options.writeMs(offset));
          const zeroes = (options.image.slotCount - data.length) * options.writeZeroesMs;
          const blobs = data.map(({ index }) => options.encodedBytes(index) / CHUNK_SIZE);
          const links = blobs.map((chunks) => options.linkMs * chunks);
          const lines = blobs.map((chunks) => Math.max(options.linkMs, options.connectionMs) * chunks);
          const connections = strategy.fixed.includes('connections') ? 1 : options.connections;
          const transit = data.map(
            ({ index }, at) =>
              options.fetchDelayMs(index) + options.roundTripMs + options.readLatencyMs + (lines[at] ?? 0),
          );
          const serial = sum(transit) + sum(decodes) + sum(writes) + zeroes;
          const lowerBounds = [
            sum(links),
            sum(lines) / connections,
            (data.length * options.readLatencyMs) / options.queueDepth,
            sum(decodes) / Math.max(1, options.decodeThreads),
            (sum(writes) + zeroes) / options.writers,
            sum(transit.map((ms, at) => ms + (decodes[at] ?? 0) + (writes[at] ?? 0))) / inFlightOf(strategy, options),
          ];
          for (const bound of lowerBounds) assert.ok(totalMs >= bound - 1e-9, `${totalMs} ms < ${bound} ms`);
          // The polite one pauses.
          if (strategy !== politeAdaptive) assert.ok(totalMs <= serial + 1e-9, `${totalMs} ms > ${serial} ms`);
        }),
        { numRuns: 60 },
      );
    });
  });
}

for (const name of ['sequential', 'window-ordered']) {
  const strategy = strategies[name];
  assert.ok(strategy);
  test(`${name} starts a write only when everything before it has been written`, async () => {
    await fc.assert(
      fc.asyncProperty(restores, async (options) => {
        const { observed } = await simulateRestore(strategy, options);
        assert.deepEqual(
          observed.writeCalls,
          Array.from({ length: options.image.slotCount }, (_, slot) => slot),
        );
        let previousMs = 0;
        for (const { calledMs, returnedMs } of observed.writes) {
          assert.ok(calledMs >= previousMs);
          previousMs = returnedMs;
        }
      }),
      { numRuns: 40 },
    );
  });
}

test('a longer window never makes equal chunks slower', async () => {
  await fc.assert(
    fc.asyncProperty(restores, fc.constantFrom('window-unordered', 'window-ordered'), async (options, name) => {
      const strategy = strategies[name];
      assert.ok(strategy);
      const equal = {
        ...options,
        decodeMs: 3,
        writeMs: 2,
        fetchDelayMs: () => 0,
        encodedBytes: () => CHUNK_SIZE,
        writers: 1,
      };
      const narrow = await simulateRestore(strategy, equal);
      const wide = await simulateRestore(strategy, { ...equal, inFlight: options.inFlight + 1 });
      assert.ok(wide.totalMs <= narrow.totalMs);
    }),
    { numRuns: 40 },
  );
});
