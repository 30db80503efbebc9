import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { exitCodes, InterruptedError, KnownError } from '../../src/model/errors.ts';
import type { Slot } from '../../src/model/image.ts';
import type { RestoreContext, Strategy } from '../../src/model/ports.ts';
import type { TrialRecord } from '../../src/model/records.ts';
import { sequential } from '../../src/strategy/sequential.ts';
import { childRunning, Workbench } from '../e2e/workbench.ts';

const golden = fileURLToPath(new URL('../fixtures/golden/store', import.meta.url));

await describe('a run', async () => {
  let bench: Workbench;
  before(async () => {
    bench = await Workbench.open();
  });
  after(async () => await bench[Symbol.asyncDispose]());

  const one = ['strategies: [ { name: sequential } ]', 'trials: { repeats: 1, warmUp: 0 }'];

  async function writeChunk({ source, decoder, target, signal }: RestoreContext, slot: Slot): Promise<void> {
    await target.write(slot.offset, await decoder.decode(await source.fetch(slot.digest, signal), slot));
  }

  test('records of a failed trial what was measured until it failed', async () => {
    const strategy: Strategy = {
      ...sequential,
      async restore(context) {
        const [first, second] = [...context.image.slots()].filter(({ isZero }) => !isZero);
        assert.ok(first !== undefined && second !== undefined);
        await writeChunk(context, first);
        await writeChunk(context, second);
        throw new Error('planted');
      },
    };
    const { data } = await bench.run(await bench.scenario('failing', one), { strategy });
    const [trial] = data.trials;
    assert.equal(trial?.status, 'failed');
    assert.match(trial.error?.message ?? '', /planted/u);
    assert.ok((trial.startedAtMs ?? 0) > 0 && (trial.setupMs ?? 0) > 0);
    assert.ok((trial.durationMs ?? 0) > 0);
    assert.equal(trial.spans?.slot.length, 2);
    assert.ok(bytesToClient(trial) > 1024 * 1024);
    assert.equal(trial.bytes, undefined, 'the image was not restored');
  });

  test('fails the trial in which the server dies, and goes on with another server that is watched as well', async () => {
    let trial = 0;
    const strategy: Strategy = {
      ...sequential,
      async restore(context) {
        trial += 1;
        if (trial > 1) return await sequential.restore(context);
        const first = [...context.image.slots()].find(({ isZero }) => !isZero);
        assert.ok(first !== undefined);
        await writeChunk(context, first);
        process.kill(await childRunning('pbs/server/main'), 'SIGKILL');
        await sequential.restore(context);
      },
    };
    const file = await bench.scenario('server-dies', [...one.slice(0, 1), 'trials: { repeats: 2, warmUp: 0 }']);
    const { data } = await bench.run(file, { strategy });
    const [failed, next] = data.trials;
    assert.equal(failed?.status, 'failed');
    assert.ok((failed.durationMs ?? 0) > 0 && bytesToClient(failed) > 0);
    assert.match(JSON.stringify(failed.counters?.storage), /unavailable/u);
    assert.equal(next?.verified, true);
    assert.deepEqual(data.run.warnings, []);
    const columns = data.samples?.columns.map(({ name }) => name) ?? [];
    const cpu = data.samples?.rows.at(-1)?.[columns.indexOf('process.server.cpuMs')];
    assert.ok(typeof cpu === 'number' && cpu > 0, 'of the second server, whose first one is gone');
  });

  test('ends a proof that is interrupted, with what was measured before it', async () => {
    const controller = new AbortController();
    const file = await bench.scenario('long-proof', ['target: { kind: file, path: proof.img }', ...one]);
    const strategy: Strategy = {
      ...sequential,
      async restore(context) {
        await sequential.restore(context);
        // The proof reads the file back: by then the user has asked to stop.
        setImmediate(() => controller.abort(new InterruptedError('SIGINT')));
      },
    };
    const { outcome, data } = await bench.run(file, { strategy, signal: controller.signal });
    assert.equal(outcome.status, 'interrupted');
    assert.equal(data.trials[0]?.status, 'interrupted');
    assert.equal(existsSync(join(bench.folder, 'proof.img')), false);
  });

  test('lets no write that a failed strategy left behind reach a file after its trial', async () => {
    let trial = 0;
    const strategy: Strategy = {
      ...sequential,
      async restore(context) {
        trial += 1;
        if (trial > 1) return await sequential.restore(context);
        const slots = [...context.image.slots()].filter(({ isZero }) => !isZero);
        const writes = slots.map(async (slot) => await writeChunk(context, slot));
        for (const write of writes) write.catch(() => {});
        await writes[0];
        throw new Error('planted');
      },
    };
    const file = await bench.scenario('left-behind', [
      'target: { kind: file, path: left.img }',
      'strategies: [ { name: window-unordered } ]',
      'trials: { repeats: 2, warmUp: 0 }',
    ]);
    const { data } = await bench.run(file, { strategy });
    assert.deepEqual(
      data.trials.map(({ status, verified }) => [status, verified]),
      [
        ['failed', undefined],
        ['completed', true],
      ],
    );
  });

  test('goes on without its sampler, and says that samples are missing', async () => {
    const strategy: Strategy = {
      ...sequential,
      async restore(context) {
        process.kill(await childRunning('metrics/main'), 'SIGKILL');
        await sequential.restore(context);
      },
    };
    const { outcome, data } = await bench.run(await bench.scenario('no-sampler', one), { strategy });
    assert.equal(outcome.status, 'completed');
    assert.equal(data.trials[0]?.verified, true);
    assert.deepEqual(
      data.run.warnings.map(({ code }) => code),
      ['samples-incomplete'],
    );
  });

  test('in grouped order gives every strategy its first trial before the time budget counts', async () => {
    const file = await bench.scenario('budget', [
      'strategies: [ { name: sequential }, { name: window-unordered } ]',
      'trials: { repeats: 3, warmUp: 0, order: grouped, timeBudget: 1 ms }',
    ]);
    const { data } = await bench.run(file);
    assert.deepEqual(
      data.trials.map(({ strategy, block }) => [strategy, block]),
      [
        ['sequential', 0],
        ['window-unordered', 0],
      ],
    );
    assert.match(data.run.warnings.find(({ code }) => code === 'time-budget')?.sentence ?? '', /4 of 6 trials/u);
  });

  test('ends with exit code 4 when the server is gone before the first trial', async () => {
    const file = await bench.scenario('server-gone', [
      `server: { kind: embedded, datastore: "${golden}", snapshot: vm/100/2026-02-16T16:30:44Z, archive: drive-scsi0.img }`,
      ...one,
    ]);
    let killed: Promise<unknown> | undefined;
    const { outcome, data } = await bench.run(file, {
      observer: {
        preparing(_what, progress) {
          if (progress !== undefined)
            killed ??= childRunning('pbs/server/main').then((pid) => process.kill(pid, 'SIGKILL'));
        },
      },
    });
    await killed;
    assert.equal(outcome.status, 'failed');
    assert.ok(outcome.error instanceof KnownError);
    assert.equal(outcome.error.exitCode, exitCodes.server, outcome.error.message);
    assert.deepEqual(data.trials, []);
  });

  for (const [what, path, code] of [
    ['exists already', 'taken.img', 'target-exists'],
    ['lies in a folder that is not there', 'no-folder/new.img', 'target-folder-missing'],
  ] as const) {
    test(`refuses a target that ${what} before it starts anything`, async () => {
      await writeFile(join(bench.folder, 'taken.img'), 'precious');
      await using other = await Workbench.open();
      const file = await other.scenario('taken', [
        `target: { kind: file, path: "${join(bench.folder, path)}" }`,
        ...one,
      ]);
      await assert.rejects(other.run(file), { code, exitCode: exitCodes.usage });
      assert.equal(existsSync(join(other.folder, 'reports')), false);
      assert.equal((await other.command(['run', file])).exitCode, exitCodes.usage);
    });
  }
});

function bytesToClient({ counters }: TrialRecord): number {
  assert.ok(counters !== undefined && 'bytesToClient' in counters.link);
  return counters.link.bytesToClient;
}
