import assert from 'node:assert/strict';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { Cache } from '../../src/cache/cache.ts';
import { ByteRanges } from '../../src/journal/byte-ranges.ts';
import { parseJournal } from '../../src/journal/journal-format.ts';
import { exitCodes } from '../../src/model/errors.ts';
import type { Slot } from '../../src/model/image.ts';
import { GiB, MiB } from '../../src/model/units.ts';
import { parseFixedIndex } from '../../src/pbs/format/fixed-index.ts';
import { MOST_LOST_BYTES } from '../../src/target/journaled-target.ts';
import { ensureDatastore } from '../../src/workload/ensure-datastore.ts';
import type { Workload } from '../../src/workload/workload.ts';
import { temporaryFolder } from '../pbs/datastore/golden.ts';
import { RestoreBench } from './restore-bench.ts';

/**
 * `RESTORELAB_KILLED_GIB=4 node --test test/e2e/restore-killed.test.ts` is the size that the requirement names; a small
 * image is killed as often in the time of a test.
 */
const sizeBytes = (Number(process.env['RESTORELAB_KILLED_GIB'] ?? 0) || 0.375) * GiB;
const KILLS = 10;
const CHUNK_BYTES = 4 * MiB;
const IN_FLIGHT = 4;
/** More threads would only take longer to start. */
const knobs = ['--in-flight', String(IN_FLIGHT), '--decode-threads', '1'];

/** Random, and said, so that a failure can be looked at again. */
const seed = Number(process.env['RESTORELAB_KILLED_SEED'] ?? Date.now() % 1_000_000);

function* randomShares(): Generator<number, never, undefined> {
  for (let state = seed >>> 0; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

await describe(`a restore of ${sizeBytes / GiB} GiB that is killed ${KILLS} times (seed ${seed})`, async () => {
  let bench: RestoreBench;
  let workload: Workload;
  const cleanUp = new AsyncDisposableStack();
  before(async () => {
    const folder = cleanUp.use(await temporaryFolder());
    workload = await ensureDatastore({
      image: { sizeBytes, zeroShare: 0.1, repeatedShare: 0, compressionRatio: 1, seed: 'killed' },
      history: { depth: 1, changeRate: 0 },
      chunks: 'files',
      cache: new Cache(join(folder.path, 'cache'), { limitBytes: 3 * sizeBytes + GiB }),
      signal: new AbortController().signal,
    });
    bench = cleanUp.use(await RestoreBench.open(workload.path));
    await bench.compile();
  });
  after(async () => await cleanUp.disposeAsync());

  const args = (): string[] => [workload.snapshot, workload.archive, 'disk.img', ...knobs];

  /** What the journal tells of. */
  async function noted(): Promise<ByteRanges> {
    const text = await readFile(bench.path('disk.img.partial.journal'), 'utf8').catch(() => '');
    return parseJournal(text, 'disk.img.partial.journal')?.restored ?? new ByteRanges();
  }

  /** Kills a restore at its moment, and a little later. */
  async function killWhen(isTime: () => Promise<boolean> | boolean, laterMs: number): Promise<void> {
    bench.server.resetCounters();
    const child = bench.startRestore(args());
    child.stdout?.resume();
    child.stderr?.resume();
    while (child.exitCode === null && !(await isTime())) await sleep(3);
    await sleep(laterMs);
    assert.equal(child.exitCode, null, 'it was to be killed before it ended');
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  test('fetches again only what belonged to the last 64 MiB, and ends with the right bytes', async (context) => {
    const shares = randomShares();
    const { dataBytes, sha256 } = workload.facts;
    let before = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      // Often enough for a batch, and so few that some are left for the kills to come.
      const most = Math.max(13, (dataBytes - before) / CHUNK_BYTES / (KILLS - kill + 1));
      const reads = Math.floor(shares.next().value * most);
      // The last time there must be something that is not fetched again.
      const isTime =
        kill < KILLS - 1
          ? () => bench.server.counters().reads >= reads
          : async () => bench.server.counters().reads >= reads && (await noted()).bytes > 0;
      await killWhen(isTime, shares.next().value * 20);
      const kept = (await noted()).bytes;
      const servedBytes = bench.server.counters().reads * CHUNK_BYTES;
      const lostBytes = servedBytes - (kept - before);
      context.diagnostic(`kill ${kill}: ${servedBytes / MiB} MiB served, ${(kept - before) / MiB} MiB noted`);
      // What was on its way had not been verified yet.
      assert.ok(lostBytes <= MOST_LOST_BYTES + IN_FLIGHT * CHUNK_BYTES, `${lostBytes / MiB} MiB at kill ${kill}`);
      before = kept;
    }

    const claimed = await noted();
    await damage(claimed);
    bench.server.resetCounters();
    const { exitCode, stderr } = await bench.restore(...args());
    assert.equal(exitCode, exitCodes.fine, stderr);
    assert.equal(await bench.sha256('disk.img'), sha256);
    assert.deepEqual(await bench.files('disk'), ['disk.img']);
    const damaged = (slot: Slot): boolean => slot.offset === 0 || slot.offset + slot.length === sizeBytes;
    const missing = (await dataSlots()).filter((slot) => damaged(slot) || !claimed.covers(slot.offset, slot.length));
    assert.equal(bench.server.counters().reads, missing.length, 'nothing that was noted and is there is fetched again');
  });

  /** Flips a byte at the start, and cuts the end off. */
  async function damage(claimed: ByteRanges): Promise<void> {
    const partial = bench.path('disk.img.partial');
    await using file = await open(partial, 'r+');
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, 1000);
    await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, 1000);
    await file.truncate(sizeBytes - 100);
    assert.ok(claimed.bytes > 0, 'nothing had been noted');
  }

  async function dataSlots(): Promise<Slot[]> {
    const index = parseFixedIndex(await readFile(join(workload.path, workload.snapshot, workload.archive)));
    return [...index.slots()].filter(({ isZero }) => !isZero);
  }
});
