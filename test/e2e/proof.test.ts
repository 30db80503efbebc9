import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { summarise } from '../../src/analysis/summarise.ts';
import { Cache } from '../../src/cache/cache.ts';
import { exitCodeOf } from '../../src/cli/exit-code-of-report.ts';
import { monotonicClock } from '../../src/clock/monotonic.ts';
import { readRun } from '../../src/harness/read-run.ts';
import { runScenario, type RunObserver } from '../../src/harness/run-scenario.ts';
import { exitCodes } from '../../src/model/errors.ts';
import type { Slot } from '../../src/model/image.ts';
import type { PlainChunk, RestoreContext, Strategy } from '../../src/model/ports.ts';
import { readScenarioFile } from '../../src/scenario/load-scenario.ts';
import { planTrials } from '../../src/scenario/plan.ts';
import { Workbench } from './workbench.ts';

const silent: RunObserver = {
  preparing() {},
  calibrated() {},
  trialStarted() {},
  trialProgress() {},
  trialEnded() {},
  warning() {},
};

const obtain = async ({ source, decoder, signal }: RestoreContext, slot: Slot): Promise<PlainChunk> =>
  await decoder.decode(await source.fetch(slot.digest, signal), slot);

/** Restores in index order; `write` decides what becomes of each data chunk. */
function withWrites(write: (context: RestoreContext, slot: Slot, data: readonly Slot[]) => Promise<void>): Strategy {
  return {
    name: 'sequential',
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
  ): Promise<{ verified: boolean | undefined; exitCode: number }> {
    const scenario = await readScenarioFile(
      await bench.scenario('proof', [
        'strategies: [ { name: sequential, decodeThreads: 1 } ]',
        'trials: { repeats: 1, warmUp: 0, recording: off }',
        `target: ${target}`,
      ]),
    );
    const { directory } = await runScenario({
      scenario,
      plan: planTrials(scenario),
      out: join(bench.folder, 'reports'),
      cache: new Cache(join(bench.folder, 'cache')),
      certificateFolder: join(bench.folder, 'certificate'),
      clientPid: process.pid,
      clock: monotonicClock(),
      tool: { name: 'restorelab', version: '0', node: process.version },
      versions: process.versions,
      observer: silent,
      findStrategy: () => strategy,
      signal: new AbortController().signal,
    });
    const { report } = summarise(await readRun(directory.path));
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
