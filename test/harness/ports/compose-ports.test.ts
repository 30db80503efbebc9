import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import * as fc from 'fast-check';

import { worstCaseChunkBytes } from '../../../src/harness/ports/buffer-budget.ts';
import { composePorts, type ComposedPorts } from '../../../src/harness/ports/compose-ports.ts';
import type { RestoreContext, Strategy } from '../../../src/model/ports.ts';
import { spanColumns, type SpanColumn } from '../../../src/model/records.ts';
import { strategies } from '../../../src/strategy/strategies.ts';
import { windowUnordered } from '../../../src/strategy/window-unordered.ts';
import { restores } from '../../simulation/random-restores.ts';
import { CHUNK_SIZE, imageOf, simulateRestore } from '../../simulation/simulated-restore.ts';
import { politeAdaptive } from '../../strategy/variants.ts';

interface Bounds {
  readonly writers: number;
  readonly bufferBytes: number;
  readonly recording?: boolean;
  readonly stallTimeoutMs?: number;
}

/** The strategy as the harness runs it. */
function inHarness(
  strategy: Strategy,
  { writers, bufferBytes, recording = true, stallTimeoutMs = 1e9 }: Bounds,
): { readonly strategy: Strategy; readonly ports: ComposedPorts[] } {
  const ports: ComposedPorts[] = [];
  const restore = async (context: RestoreContext): Promise<void> => {
    const knobs = {
      inFlight: context.inFlight,
      decodeThreads: 4,
      writers,
      bufferBytes,
      connections: context.sources.length,
      polite: context.polite,
    };
    using composed = composePorts({ ...context, knobs, stallTimeoutMs, recording });
    ports.push(composed);
    await composed.restore(strategy, context.clock.now());
  };
  return { strategy: { ...strategy, restore }, ports };
}

const stages: readonly SpanColumn[] = spanColumns.filter((name) => name.endsWith('Ms'));
const ample = 8 * worstCaseChunkBytes(CHUNK_SIZE);

for (const strategy of Object.values(strategies)) {
  suite(strategy.name, () => {
    test('the composed ports change no write, no order and no time, with and without recording', async () => {
      await fc.assert(
        fc.asyncProperty(restores, fc.boolean(), async (options, recording) => {
          const free = await simulateRestore(strategy, options);
          const harnessed = inHarness(strategy, { writers: options.writers, bufferBytes: ample, recording });
          const bound = await simulateRestore(harnessed.strategy, options);
          assert.equal(bound.error, undefined);
          assert.deepEqual(
            bound.observed.writes.map(({ slot, offset, length, zeroes, returnedMs }) => [
              slot,
              offset,
              length,
              zeroes,
              returnedMs,
            ]),
            free.observed.writes.map(({ slot, offset, length, zeroes, returnedMs }) => [
              slot,
              offset,
              length,
              zeroes,
              returnedMs,
            ]),
          );
          assert.deepEqual(bound.observed.writeCalls, free.observed.writeCalls);
          assert.deepEqual(bound.observed.fetches, free.observed.fetches);
          assert.equal(bound.totalMs, free.totalMs);
          assert.equal(bound.clock.sleeping, 0);
          assert.equal(harnessed.ports[0]?.recorder !== undefined, recording);
        }),
        { numRuns: 40 },
      );
    });

    test('the record agrees with what the ports saw, and every row goes forward in time', async () => {
      await fc.assert(
        fc.asyncProperty(restores, async (options) => {
          const harnessed = inHarness(strategy, {
            writers: options.writers,
            bufferBytes: 3 * worstCaseChunkBytes(CHUNK_SIZE),
          });
          const { observed, error } = await simulateRestore(harnessed.strategy, options);
          assert.equal(error, undefined);
          const table = harnessed.ports[0]?.recorder?.toSpanTable();
          assert.ok(table);
          assert.deepEqual(
            table.slot,
            observed.writes.map(({ slot }) => slot),
          );
          assert.deepEqual(
            table.writtenMs,
            observed.writes.map(({ returnedMs }) => returnedMs),
          );
          assert.deepEqual(
            table.writeStartedMs,
            observed.writes.map(({ calledMs }) => calledMs),
          );
          for (const [row, { zeroes }] of observed.writes.entries()) {
            const moments: readonly (number | null)[] = stages.map((stage) => table[stage][row] ?? null);
            assert.deepEqual(
              moments.map((moment) => moment === null),
              stages.map((stage) => zeroes && !stage.startsWith('writ')),
            );
            const known = moments.filter((moment) => moment !== null);
            assert.deepEqual(
              known,
              known.toSorted((a, b) => a - b),
            );
          }
        }),
        { numRuns: 40 },
      );
    });

    test('a fault, an abort or a stall ends everything', async () => {
      const faults = fc.constantFrom(
        { fault: { call: 'fetch', nth: 3 } as const },
        { fault: { call: 'decode', nth: 2 } as const },
        { fault: { call: 'write', nth: 4 } as const },
        { abortAtMs: 25 },
      );
      await fc.assert(
        fc.asyncProperty(restores, faults, async (options, fault) => {
          const harnessed = inHarness(strategy, { writers: 1, bufferBytes: 2000, stallTimeoutMs: 500 });
          const { observed, clock, error, totalMs } = await simulateRestore(harnessed.strategy, {
            ...options,
            ...fault,
          });
          // Nothing comes only of a restore that has fewer calls than that, or is over before.
          const isDue =
            'fault' in fault ? observed.counts[fault.fault.call] >= fault.fault.nth : totalMs > fault.abortAtMs;
          assert.match(String(error), isDue ? /planted|stopped/u : /planted|stopped|^undefined$/u);
          assert.equal(observed.running, 0);
          assert.equal(clock.sleeping, 0);
        }),
        { numRuns: 40 },
      );
    });

    test('a chunk that never comes fails the trial as stalled', async () => {
      const harnessed = inHarness(strategy, { writers: 1, bufferBytes: ample, stallTimeoutMs: 500 });
      const { error, clock, observed } = await simulateRestore(harnessed.strategy, {
        image: imageOf('DD0DD'),
        inFlight: 2,
        roundTripMs: 10,
        fetchDelayMs: (slot) => (slot === 3 ? 1e9 : 0),
      });
      assert.match(String(error), /no chunk was fetched or written for 500 ms \(1 fetches and 0 writes outstanding\)/u);
      assert.equal(observed.running, 0);
      assert.equal(clock.sleeping, 0);
    });
  });
}

test('one writer stands before a target that would take any number of writes', async () => {
  const harnessed = inHarness(windowUnordered, { writers: 1, bufferBytes: ample });
  const { totalMs } = await simulateRestore(harnessed.strategy, {
    image: imageOf('DDDD'),
    roundTripMs: 10,
    writeMs: 5,
    writers: 16,
  });
  assert.equal(totalMs, 10 + 4 * 5);
  const table = harnessed.ports[0]?.recorder?.toSpanTable();
  assert.deepEqual(table?.writeCalledMs, [10, 10, 10, 10]);
  assert.deepEqual(table?.writeStartedMs, [10, 15, 20, 25]);
});

test('a polite restore may pause for longer than the stall timeout', async () => {
  const { strategy } = inHarness(politeAdaptive, { writers: 1, bufferBytes: ample, stallTimeoutMs: 2500 });
  const { error, observed } = await simulateRestore(strategy, {
    image: imageOf('D'.repeat(12)),
    roundTripMs: 2000,
    fetchDelayMs: (slot) => slot * 40,
  });
  assert.equal(error, undefined);
  const pausesMs = observed.fetches.map(
    ({ calledMs }, index) => calledMs - (observed.writes[index - 1]?.returnedMs ?? 0),
  );
  assert.ok(Math.max(...pausesMs) > 2500, 'the test has a pause that is long enough');
});

test('a target that never finishes fails the trial as stalled', async () => {
  const { strategy } = inHarness(windowUnordered, { writers: 1, bufferBytes: ample, stallTimeoutMs: 500 });
  const hanging: Strategy = {
    ...strategy,
    restore: async (context) =>
      await strategy.restore({
        ...context,
        target: {
          write: (offset, chunk) => context.target.write(offset, chunk),
          writeZeroes: (offset, length) => context.target.writeZeroes(offset, length),
          finish: () => new Promise<never>(() => {}),
        },
      }),
  };
  const { error, clock } = await simulateRestore(hanging, { image: imageOf('D0D'), inFlight: 2, roundTripMs: 10 });
  assert.equal((error as { code?: string } | undefined)?.code, 'trial-stalled');
  assert.equal(clock.sleeping, 0);
});
