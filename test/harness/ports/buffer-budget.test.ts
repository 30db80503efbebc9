import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import * as fc from 'fast-check';

import { BufferBudget, mostChunksHeld, worstCaseChunkBytes } from '../../../src/harness/ports/buffer-budget.ts';
import type { Slot } from '../../../src/model/image.ts';
import type { ChunkSource, RestoreContext } from '../../../src/model/ports.ts';
import { strategies } from '../../../src/strategy/strategies.ts';
import { windowUnordered } from '../../../src/strategy/window-unordered.ts';
import { restores } from '../../simulation/random-restores.ts';
import { CHUNK_SIZE, imageOf, simulateRestore } from '../../simulation/simulated-restore.ts';

const worstCase = worstCaseChunkBytes(CHUNK_SIZE);
const never = new AbortController().signal;

const bound = (context: RestoreContext, budget: BufferBudget): RestoreContext => ({
  ...context,
  source: budget.boundSource(context.source),
  sources: context.sources.map((source) => budget.boundSource(source)),
  decoder: budget.boundDecoder(context.decoder),
  target: budget.boundTarget(context.target),
});

test('the worst case is reserved before a fetch and given back in steps', async () => {
  const budget = new BufferBudget({ bufferBytes: 1e6, chunkSize: 1024 });
  const slot: Slot = { index: 0, offset: 0, length: 100, digest: '', isZero: false };
  const reserved: number[] = [];
  const note = (): number => reserved.push(budget.reservedBytes);
  const source = budget.boundSource({
    fetch: async () => {
      note();
      return { encodedBytes: 60 };
    },
  });
  const decoder = budget.boundDecoder({
    decode: async () => {
      note();
      return { length: 100 };
    },
  });
  const target = budget.boundTarget({
    write: async () => void note(),
    writeZeroes: async () => {},
    finish: async () => {},
  });
  await target.write(0, await decoder.decode(await source.fetch('', never), slot));
  // A blob of an encrypted chunk that did not shrink; the blob as it came and any chunk; this chunk; nothing.
  assert.deepEqual(reserved, [1024 + 44 + 1024, 60 + 1024, 100]);
  assert.equal(budget.reservedBytes, 0);
  assert.equal(budget.peakBytes, 60 + 100);
  assert.equal(budget.waits, 0);
});

test('a budget of n worst cases lowers a window of latency alone to n, and counts the fetches that waited', async () => {
  let budget: BufferBudget | undefined;
  const options = { image: imageOf('D'.repeat(12)), inFlight: 6, roundTripMs: 10 };
  const { totalMs } = await simulateRestore(windowUnordered, {
    ...options,
    wrap: (context) =>
      bound(context, (budget = new BufferBudget({ bufferBytes: 2 * worstCase, chunkSize: CHUNK_SIZE }))),
  });
  assert.equal(totalMs, 6 * 10);
  assert.ok((budget?.waits ?? 0) >= 4);
  assert.ok((budget?.peakBytes ?? Infinity) <= 2 * worstCase);
});

for (const strategy of Object.values(strategies)) {
  suite(strategy.name, () => {
    test('ends under any budget, keeps to it, writes the same, and gives everything back', async () => {
      await fc.assert(
        fc.asyncProperty(restores, fc.integer({ min: 1, max: 6 * worstCase }), async (options, bufferBytes) => {
          const free = await simulateRestore(strategy, options);
          const budget = new BufferBudget({ bufferBytes, chunkSize: CHUNK_SIZE });
          let peakReserved = 0;
          const observePeak = (): void => {
            peakReserved = Math.max(peakReserved, budget.reservedBytes);
          };
          const bounded = await simulateRestore(strategy, {
            ...options,
            wrap: (context) => {
              const ports = bound(context, budget);
              return {
                ...ports,
                source: { fetch: (digest, signal) => ports.source.fetch(digest, signal).finally(observePeak) },
              };
            },
          });
          assert.equal(bounded.error, undefined);
          assert.ok(peakReserved <= Math.max(bufferBytes, worstCase), `${peakReserved} B reserved`);
          assert.ok(budget.peakBytes <= Math.max(bufferBytes, worstCase), `${budget.peakBytes} B held`);
          assert.equal(budget.reservedBytes, 0);
          assert.deepEqual(new Set(bounded.observed.writeCalls), new Set(free.observed.writeCalls));
          assert.equal(bounded.observed.writeCalls.length, free.observed.writeCalls.length);
          if (bufferBytes >= options.inFlight * worstCase) {
            assert.deepEqual(bounded.observed.writeCalls, free.observed.writeCalls);
            assert.equal(bounded.totalMs, free.totalMs);
            assert.equal(budget.waits, 0);
          }
        }),
        { numRuns: 50 },
      );
    });

    test('never holds more chunks than there is memory for, so that no answer waits for any', async () => {
      await fc.assert(
        fc.asyncProperty(restores, fc.integer({ min: 1, max: 6 * worstCase }), async (options, bufferBytes) => {
          const budget = new BufferBudget({ bufferBytes, chunkSize: CHUNK_SIZE });
          let held = 0;
          let most = 0;
          const counted = (source: ChunkSource): ChunkSource => ({
            fetch: async (digest, signal) => {
              most = Math.max(most, ++held);
              return await source.fetch(digest, signal);
            },
          });
          const { error } = await simulateRestore(strategy, {
            ...options,
            wrap: (context) =>
              bound(
                {
                  ...context,
                  source: counted(context.source),
                  sources: context.sources.map(counted),
                  target: {
                    ...context.target,
                    writeZeroes: (offset, length) => context.target.writeZeroes(offset, length),
                    finish: () => context.target.finish(),
                    write: async (offset, chunk) => {
                      await context.target.write(offset, chunk);
                      held -= 1;
                    },
                  },
                },
                budget,
              ),
          });
          assert.equal(error, undefined);
          const memory = mostChunksHeld({ inFlight: options.inFlight, bufferBytes }, { chunkSize: CHUNK_SIZE });
          assert.ok(most <= memory, `${most} chunks, memory for ${memory}`);
        }),
        { numRuns: 50 },
      );
    });

    test('ends under any budget when a call fails, with nothing waiting', async () => {
      const faults = fc.record({
        call: fc.constantFrom('fetch' as const, 'decode' as const, 'write' as const),
        nth: fc.integer({ min: 1, max: 8 }),
      });
      await fc.assert(
        fc.asyncProperty(
          restores,
          fc.integer({ min: 1, max: 4 * worstCase }),
          faults,
          async (options, bufferBytes, fault) => {
            const budget = new BufferBudget({ bufferBytes, chunkSize: CHUNK_SIZE });
            const { error, observed, clock } = await simulateRestore(strategy, {
              ...options,
              fault,
              wrap: (context) => bound(context, budget),
            });
            assert.match(String(error), /planted|undefined/u);
            assert.equal(observed.running, 0);
            assert.equal(clock.sleeping, 0);
          },
        ),
        { numRuns: 40 },
      );
    });
  });
}

test('calls that fail give back what was reserved for them', async () => {
  const budget = new BufferBudget({ bufferBytes: 1e6, chunkSize: 1024 });
  const slot: Slot = { index: 0, offset: 0, length: 1024, digest: '', isZero: false };
  const fail = async (): Promise<never> => {
    throw new Error('planted');
  };
  await assert.rejects(budget.boundSource({ fetch: fail }).fetch('', never));
  assert.equal(budget.reservedBytes, 0);
  const source = budget.boundSource({ fetch: async () => ({ encodedBytes: 9 }) });
  await assert.rejects(budget.boundDecoder({ decode: fail }).decode(await source.fetch('', never), slot));
  assert.equal(budget.reservedBytes, 0);
  const decoder = budget.boundDecoder({ decode: async () => ({ length: 1024 }) });
  const chunk = await decoder.decode(await source.fetch('', never), slot);
  await assert.rejects(budget.boundTarget({ write: fail, writeZeroes: fail, finish: fail }).write(0, chunk));
  assert.equal(budget.reservedBytes, 0);
});
