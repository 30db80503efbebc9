import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { suite, test } from 'node:test';

import * as fc from 'fast-check';

import type { ChunkSource } from '../../src/model/ports.ts';
import { imageOf, simulateRestore } from '../simulation/simulated-restore.ts';
import { variants } from './variants.ts';

const picture = 'DD0DDD00DDDDDD0DDDDDDs';
const dataSlots = picture.replaceAll('0', '').length;
const options = {
  image: imageOf(picture),
  inFlight: 5,
  connections: 2,
  roundTripMs: 10,
  linkMs: 2,
  readLatencyMs: 3,
  queueDepth: 2,
  decodeMs: 4,
  decodeThreads: 2,
  writeMs: 3,
  writeZeroesMs: 1,
};

for (const strategy of variants) {
  suite(strategy.name, () => {
    for (const call of ['fetch', 'decode', 'write'] as const) {
      test(`a ${call} that fails, whichever it is, ends everything with its own error and is followed by no other call`, async () => {
        const last = call === 'write' ? picture.length : dataSlots;
        for (let nth = 1; nth <= last; nth += 1) {
          const { error, observed, clock } = await simulateRestore(strategy, { ...options, fault: { call, nth } });
          assert.match(String(error), new RegExp(`planted: ${call} ${nth}$`, 'u'));
          assert.equal(observed.lateCalls, 0, 'calls after the failure');
          assert.equal(observed.running, 0, 'calls that still run');
          assert.equal(clock.sleeping, 0, 'sleeps that still run');
          assert.ok(observed.writes.length < picture.length);
        }
      });
    }

    test('an abort at any time ends everything, with the reason of the signal', async () => {
      const { totalMs } = await simulateRestore(strategy, options);
      await fc.assert(
        fc.asyncProperty(fc.double({ min: 0, max: totalMs - 0.001, noNaN: true }), async (abortAtMs) => {
          const { error, observed, clock } = await simulateRestore(strategy, { ...options, abortAtMs });
          assert.match(String(error), /stopped/u);
          assert.equal(observed.running, 0);
          assert.equal(clock.sleeping, 0);
          // A decode or a write that has begun is waited for, at most all that are queued there.
          assert.ok(
            clock.now() <= abortAtMs + options.inFlight * (options.decodeMs + options.writeMs) + options.writeZeroesMs,
          );
        }),
        { numRuns: 60 },
      );
    });

    test('a failure ends a run of zeros too', async () => {
      const { error, observed } = await simulateRestore(strategy, {
        ...options,
        image: imageOf(`D${'0'.repeat(200)}`),
        fault: { call: 'decode', nth: 1 },
      });
      assert.match(String(error), /planted/u);
      assert.equal(observed.lateCalls, 0);
    });

    test('chunks of a source that ignores the abort are dropped', async () => {
      const { error, observed } = await simulateRestore(strategy, {
        ...options,
        fault: { call: 'decode', nth: 1 },
        wrap: (context) => {
          const deaf = (source: ChunkSource): ChunkSource => ({
            fetch: (digest) => source.fetch(digest, new AbortController().signal),
          });
          return { ...context, source: deaf(context.source), sources: context.sources.map(deaf) };
        },
      });
      assert.match(String(error), /planted/u);
      assert.equal(observed.lateCalls, 0);
      assert.equal(observed.running, 0);
    });

    test('a signal that was aborted before starts nothing', async () => {
      const abort = AbortSignal.abort(new Error('too late'));
      const { error, observed } = await simulateRestore(strategy, {
        ...options,
        wrap: (context) => ({ ...context, signal: abort }),
      });
      assert.match(String(error), /too late/u);
      assert.deepEqual(observed.fetches, []);
      assert.deepEqual(observed.writeCalls, []);
    });
  });
}

test('a failed restore leaves no listener on the signal that outlives it', async () => {
  for (const strategy of variants) {
    const { signal } = new AbortController();
    for (const fault of [
      { call: 'fetch', nth: 4 } as const,
      { call: 'write', nth: 2 } as const,
      { call: 'fetch', nth: 999 } as const,
    ]) {
      await simulateRestore(strategy, { ...options, fault, wrap: (context) => ({ ...context, signal }) });
      assert.deepEqual(getEventListeners(signal, 'abort'), [], strategy.name);
    }
  }
});
