import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { exitCodeOf } from '../../src/cli/exit-code-of-report.ts';
import { exitCodes } from '../../src/model/errors.ts';
import type { Slot } from '../../src/model/image.ts';
import type { PlainChunk, RestoreContext, Strategy } from '../../src/model/ports.ts';
import { Workbench } from './workbench.ts';

const obtain = async ({ source, decoder, signal }: RestoreContext, slot: Slot): Promise<PlainChunk> =>
  await decoder.decode(await source.fetch(slot.digest, signal), slot);

/** Restores in index order; `write` decides what becomes of each data chunk. */
function withWrites(write: (context: RestoreContext, slot: Slot, data: readonly Slot[]) => Promise<void>): Strategy {
  return {
    name: 'window-unordered',
    summary: 'wrong on purpose',
    defaults: { inFlight: 1, decodeThreads: 1 },
    fixed: [],
    async restore(context) {
      const slots = [...context.image.slots()];
      const data = slots.filter(({ isZero }) => !isZero);
      for (const slot of slots) {
        if (slot.isZero) await context.target.writeZeroes(slot.offset, slot.length);
        else await write(context, slot, data);
      }
    },
  };
}

const faithful = withWrites(
  async (context, slot) => await context.target.write(slot.offset, await obtain(context, slot)),
);

const faults: Readonly<Record<string, Strategy>> = {
  'swaps two offsets': withWrites(async (context, slot, data) => {
    const [first, second] = data;
    const offset = slot === first ? second?.offset : slot === second ? first?.offset : slot.offset;
    await context.target.write(offset ?? slot.offset, await obtain(context, slot));
  }),
  'writes a chunk twice': withWrites(async (context, slot, data) => {
    await context.target.write(slot.offset, await obtain(context, slot));
    if (slot === data[1]) await context.target.write(slot.offset, await obtain(context, slot));
  }),
  'writes one handle twice': withWrites(async (context, slot, data) => {
    const chunk = await obtain(context, slot);
    await context.target.write(slot.offset, chunk);
    if (slot === data[1]) await context.target.write(slot.offset, chunk);
  }),
  'drops a chunk': withWrites(async (context, slot, data) => {
    const chunk = await obtain(context, slot);
    if (slot !== data[2]) await context.target.write(slot.offset, chunk);
  }),
  'takes a data chunk for zeros': withWrites(async (context, slot, data) => {
    if (slot === data[0]) await context.target.writeZeroes(slot.offset, slot.length);
    else await context.target.write(slot.offset, await obtain(context, slot));
  }),
};

await describe('a strategy that restores other bytes is found out: verified false, exit 1', async () => {
  let bench: Workbench;
  before(async () => {
    bench = await Workbench.open();
  });
  after(async () => await bench[Symbol.asyncDispose]());

  async function restoreWith(
    strategy: Strategy,
    target: string,
    { decodeThreads = 1, compressionRatio = 1.5 } = {},
  ): Promise<{ verified: boolean | undefined; exitCode: number }> {
    const file = await bench.scenario('proof', [
      `image: { size: 24 MiB, zeroShare: 10 %, compressionRatio: ${compressionRatio} }`,
      `strategies: [ { name: window-unordered, decodeThreads: ${decodeThreads} } ]`,
      'trials: { repeats: 1, warmUp: 0, recording: off }',
      `target: ${target}`,
    ]);
    const { report } = await bench.run(file, { strategy });
    return { verified: report.cases[0]?.strategies[0]?.trials[0]?.verified, exitCode: exitCodeOf(report) };
  }

  for (const target of ['{ kind: discard }', '{ kind: file, path: proof.img }']) {
    test(`a faithful one is verified, to ${target}`, async () => {
      assert.deepEqual(await restoreWith(faithful, target), { verified: true, exitCode: exitCodes.fine });
    });
  }
  for (const [what, strategy] of Object.entries(faults)) {
    test(what, async () => {
      assert.deepEqual(await restoreWith(strategy, '{ kind: discard }'), {
        verified: false,
        exitCode: exitCodes.failed,
      });
    });
  }
  for (const [what, overwrites] of [
    ['leaves the buffer of a chunk alone', false],
    ['uses the buffer of a chunk again before it is written', true],
  ] as const) {
    test(`${what}, where chunks are decoded in place`, async () => {
      const strategy = withWrites(async ({ source, decoder, target, signal }, slot, data) => {
        const encoded = await source.fetch(slot.digest, signal);
        const plain = await decoder.decode(encoded, slot);
        assert.ok('bytes' in encoded && encoded.bytes instanceof Uint8Array);
        if (overwrites && slot === data[1]) encoded.bytes.fill(0x5a, 1000, 2000);
        await target.write(slot.offset, plain);
      });
      assert.deepEqual(
        await restoreWith(strategy, '{ kind: discard }', { decodeThreads: 0, compressionRatio: 1 }),
        overwrites ? { verified: false, exitCode: exitCodes.failed } : { verified: true, exitCode: exitCodes.fine },
      );
    });
  }
  for (const what of ['swaps two offsets', 'drops a chunk']) {
    test(`${what}, to a file`, async () => {
      const strategy = faults[what];
      assert.ok(strategy !== undefined);
      assert.deepEqual(await restoreWith(strategy, '{ kind: file, path: proof.img }'), {
        verified: false,
        exitCode: exitCodes.failed,
      });
    });
  }
});
