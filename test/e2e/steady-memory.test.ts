import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SLAB_BYTES } from '../../src/memory/slab-pool.ts';
import type { Strategy } from '../../src/model/ports.ts';
import { windowUnordered } from '../../src/strategy/window-unordered.ts';
import { Workbench } from './workbench.ts';

/** Until nearly every slab has been used, and everything is compiled. */
const WARM_UP_CHUNKS = 32;
/** The pool grows as far as the chunks in flight ever needed it, which on a busy machine may come later. */
const LATE_SLABS = 3;
/** Of small buffers for all chunks together: some KiB for each would be much more. */
const SMALL_BYTES = 256 * 1024;

/** What the ArrayBuffers of the main thread, shared ones included, take after each chunk of an uncompressed restore, bytes. */
async function arrayBuffersAfterEachChunk(decodeThreads: number): Promise<readonly number[]> {
  await using bench = await Workbench.open();
  const bytes: number[] = [];
  const strategy: Strategy = {
    ...windowUnordered,
    restore: async (context) =>
      await windowUnordered.restore({
        ...context,
        target: {
          write: async (offset, chunk) => {
            await context.target.write(offset, chunk);
            bytes.push(process.memoryUsage().arrayBuffers);
          },
          writeZeroes: (offset, length) => context.target.writeZeroes(offset, length),
          finish: () => context.target.finish(),
        },
      }),
  };
  const file = await bench.scenario('steady-memory', [
    'server: { kind: embedded, chunks: synthesised }',
    'image: { size: 768 MiB, zeroShare: 0 %, compressionRatio: 1 }',
    `strategies: [ { name: window-unordered, inFlight: 8, decodeThreads: ${decodeThreads} } ]`,
    'trials: { repeats: 1, warmUp: 0, recording: off }',
  ]);
  const { data } = await bench.run(file, { strategy });
  assert.equal(data.trials[0]?.verified, true, JSON.stringify(data.trials[0]?.error));
  return bytes;
}

for (const decodeThreads of [0, 1]) {
  test(`an uncompressed restore allocates no memory for a chunk, with ${decodeThreads} decode threads`, async () => {
    const steady = (await arrayBuffersAfterEachChunk(decodeThreads)).slice(WARM_UP_CHUNKS);
    assert.ok(steady.length >= 150, `${steady.length} chunks`);
    // Only what was added: a garbage collection may take away what there was before.
    const steps = steady.map((bytes, index) => Math.max(0, bytes - (steady[index - 1] ?? bytes)));
    const slabs = steps.reduce((count, bytes) => count + Math.floor(bytes / SLAB_BYTES), 0);
    const rest = steps.reduce((sum, bytes) => sum + (bytes % SLAB_BYTES), 0);
    assert.ok(slabs <= LATE_SLABS, `${slabs} slabs were added in ${steady.length} chunks`);
    assert.ok(rest <= SMALL_BYTES, `${rest} bytes besides slabs were added in ${steady.length} chunks`);
  });
}
