import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { monotonicClock } from '../../src/clock/monotonic.ts';
import { DecoderPool } from '../../src/decode/decoder-pool.ts';
import { ByteRanges } from '../../src/journal/byte-ranges.ts';
import { parseJournal } from '../../src/journal/journal-format.ts';
import { RestoreJournal } from '../../src/journal/restore-journal.ts';
import { MachineError, UsageError } from '../../src/model/errors.ts';
import type { Image, Slot } from '../../src/model/image.ts';
import { MiB } from '../../src/model/units.ts';
import { JournaledTarget, MOST_LOST_BYTES } from '../../src/target/journaled-target.ts';
import { openPartialFile } from '../../src/target/partial-file.ts';
import type { RestoreMedium } from '../../src/target/restore-medium.ts';
import { noise, received, slotOf } from '../decode/chunks.ts';

const chunkSize = 64 * 1024;
const plain = [noise(chunkSize, 1), new Uint8Array(chunkSize), noise(chunkSize, 2), noise(1000, 3)] as const;
const slots: readonly Slot[] = plain.map((bytes, index) => ({
  ...slotOf(bytes, index * chunkSize),
  index,
  isZero: index === 1,
}));

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'restorelab-journaled-'));
});
after(async () => await rm(folder, { recursive: true }));

interface Scene {
  readonly target: JournaledTarget;
  readonly path: string;
  readonly journalPath: string;
  /** What was asked of the medium, in order. */
  readonly calls: readonly string[];
  readonly put: (index: number) => Promise<void>;
}

let scenes = 0;

interface Content {
  readonly plain: readonly Uint8Array[];
  readonly slots: readonly Slot[];
  readonly chunkSize: number;
}

/** A new file with its journal, which may be made to fail. */
async function scene(
  use: (scene: Scene) => Promise<void>,
  failing: Partial<RestoreMedium['file']> = {},
  content: Content = { plain, slots, chunkSize },
): Promise<void> {
  const path = join(folder, `image-${(scenes += 1)}`);
  const journalPath = `${path}.partial.journal`;
  const size = content.slots.reduce((sum, { length }) => sum + length, 0);
  const image: Image = {
    size,
    chunkSize: content.chunkSize,
    slotCount: content.slots.length,
    slots: () => content.slots,
  };
  const archive = { snapshot: 'vm/1/2026-01-01T00:00:00Z', archive: 'a.img.fidx', indexChecksum: '00', size };
  await using journal = await RestoreJournal.open({ path: journalPath, archive, target: path, pid: process.pid });
  await using partial = await openPartialFile(path, size);
  const calls: string[] = [];
  const noting = async <Result>(call: string, run: () => Promise<Result>): Promise<Result> => {
    calls.push(call);
    return await run();
  };
  const { file } = partial;
  const medium: RestoreMedium = {
    ...partial,
    file: {
      fd: file.fd,
      read: file.read.bind(file),
      write: file.write.bind(file),
      datasync: async () => await noting('datasync', async () => await file.datasync()),
      sync: async () => await noting('sync', async () => await file.sync()),
      ...failing,
    },
    publish: async () => await noting('publish', async () => await partial.publish()),
  };
  await using pool = new DecoderPool({ threads: 1, clock: monotonicClock() });
  const { signal } = new AbortController();
  await using target = new JournaledTarget({ medium, journal, image, restored: new ByteRanges(), signal });
  const decoder = target.boundDecoder(pool);
  const put = async (index: number): Promise<void> => {
    const [bytes, slot] = [content.plain[index], content.slots[index]];
    if (bytes === undefined || slot === undefined) throw new RangeError(`slot ${index}`);
    calls.push(`write ${index}`);
    await target.write(slot.offset, await decoder.decode(received(bytes), slot));
  };
  await use({ target, path, journalPath, calls, put });
}

const noted = async (path: string): Promise<ByteRanges> =>
  parseJournal(await readFile(path, 'utf8'), path)?.restored ?? new ByteRanges();

test('everything is durable before the file has its name, and the journal goes last', async () => {
  await scene(async ({ target, path, journalPath, calls, put }) => {
    await Promise.all([put(3), put(0)]);
    await target.writeZeroes(chunkSize, chunkSize);
    await put(2);
    await target.finish();
    assert.deepEqual(calls, ['write 3', 'write 0', 'write 2', 'datasync', 'sync', 'publish']);
    assert.deepEqual(await readFile(path), Buffer.concat(plain));
    await assert.rejects(stat(journalPath), { code: 'ENOENT' });
  });
});

test('a chunk that was left out keeps the file from getting its name', async () => {
  await scene(async ({ target, path, put }) => {
    await put(0);
    await target.writeZeroes(chunkSize, chunkSize);
    await assert.rejects(target.finish(), /left out 66536 bytes/u);
    await assert.rejects(stat(path), { code: 'ENOENT' });
  });
});

test('what was written before a restore broke off is noted when the target is closed', async () => {
  let journalPath = '';
  await scene(async (opened) => {
    ({ journalPath } = opened);
    await opened.put(2);
    assert.equal((await noted(journalPath)).bytes, 0);
  });
  assert.deepEqual([...(await noted(journalPath))], [[2 * chunkSize, chunkSize]]);
});

test('nothing is noted of data that could not be made durable, however often it is tried', async () => {
  let journalPath = '';
  let tries = 0;
  await scene(
    async (opened) => {
      ({ journalPath } = opened);
      for (const index of [0, 2, 3]) await opened.put(index);
      await opened.target.writeZeroes(chunkSize, chunkSize);
      await assert.rejects(opened.target.finish(), /I\/O error/u);
      await assert.rejects(opened.target.finish(), /I\/O error/u);
      await assert.rejects(stat(opened.path), { code: 'ENOENT' });
    },
    {
      // A second fsync of Linux succeeds, and the data are lost all the same.
      datasync: async () => {
        tries += 1;
        if (tries === 1) throw Object.assign(new Error('EIO: I/O error'), { code: 'EIO' });
      },
    },
  );
  assert.equal((await noted(journalPath)).bytes, 0);
});

test('a full disk is told with the file and a remedy', async () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  await scene(
    async ({ target, put }) => {
      for (const index of [0, 2, 3]) await put(index);
      await target.writeZeroes(chunkSize, chunkSize);
      await assert.rejects(
        target.finish(),
        (error) => error instanceof MachineError && /\.partial/u.test(error.message) && error.hint !== undefined,
      );
    },
    { datasync: () => Promise.reject(full) },
  );
});

test('a target that appeared meanwhile is not replaced', async () => {
  await scene(async ({ target, path, put }) => {
    for (const index of [0, 2, 3]) await put(index);
    await target.writeZeroes(chunkSize, chunkSize);
    await writeFile(path, 'precious');
    await assert.rejects(target.finish(), (error) => error instanceof UsageError && error.code === 'target-exists');
    assert.equal(await readFile(path, 'utf8'), 'precious');
  });
});

test('a file that was put in the place of the partial one does not get the name of the restored one', async () => {
  for (const [other, said] of [
    ['not the image', /was replaced/u],
    [undefined, /was removed/u],
  ] as const) {
    await scene(async ({ target, path, put }) => {
      for (const index of [0, 2, 3]) await put(index);
      await target.writeZeroes(chunkSize, chunkSize);
      await rm(`${path}.partial`);
      if (other !== undefined) await writeFile(`${path}.partial`, other);
      await assert.rejects(target.finish(), (error) => error instanceof MachineError && said.test(error.message));
      await assert.rejects(stat(path), { code: 'ENOENT' });
    });
  }
});

test('a chunk is only written at its own place', async () => {
  await scene(async ({ target, calls }) => {
    await using pool = new DecoderPool({ threads: 1, clock: monotonicClock() });
    const chunk = await target.boundDecoder(pool).decode(received(plain[0]), slots[0]!);
    await assert.rejects(target.write(2 * chunkSize, chunk), /not the one of its slot/u);
    assert.deepEqual(calls, []);
  });
});

test('no more than 64 MiB are verified while a disk does not make them durable, and then all go on', async () => {
  const bytes = Array.from({ length: 24 }, (_, index) => new Uint8Array(4 * MiB).fill(index + 1));
  const large = bytes.map((chunk, index) => ({ ...slotOf(chunk, index * 4 * MiB), index }));
  const durable = Promise.withResolvers<void>();
  await using pool = new DecoderPool({ threads: 1, clock: monotonicClock() });
  await scene(
    async ({ target, path }) => {
      const decoder = target.boundDecoder(pool);
      const verified = { bytes: 0 };
      const restoring = large.map(async (slot, index) => {
        const chunk = await decoder.decode(received(bytes[index]!, { compress: true }), slot);
        verified.bytes += slot.length;
        await target.write(slot.offset, chunk);
      });
      // Until nothing moves any more.
      while (verified.bytes < MOST_LOST_BYTES / 2) await sleep(10);
      for (let before = -1; before !== verified.bytes; await sleep(300)) before = verified.bytes;
      const heldAtBytes = verified.bytes;
      durable.resolve();
      await Promise.all(restoring);
      assert.ok(heldAtBytes <= MOST_LOST_BYTES, `${heldAtBytes / MiB} MiB`);
      await target.finish();
      assert.deepEqual(await readFile(path), Buffer.concat(bytes));
    },
    { datasync: async () => await durable.promise },
    { plain: bytes, slots: large, chunkSize: 4 * MiB },
  );
});

test('a full disk is told likewise to chunks that wait for others to be durable', async () => {
  const bytes = Array.from({ length: 24 }, (_, index) => new Uint8Array(4 * MiB).fill(index + 1));
  const large = bytes.map((chunk, index) => ({ ...slotOf(chunk, index * 4 * MiB), index }));
  const full = Promise.withResolvers<void>();
  await using pool = new DecoderPool({ threads: 1, clock: monotonicClock() });
  await scene(
    async ({ target }) => {
      const decoder = target.boundDecoder(pool);
      const written = { chunks: 0 };
      const restoring = large.map(async (slot, index) => {
        const chunk = await decoder.decode(received(bytes[index]!, { compress: true }), slot);
        await target.write(slot.offset, chunk);
        written.chunks += 1;
      });
      const settled = Promise.allSettled(restoring);
      while (written.chunks * 4 * MiB < MOST_LOST_BYTES / 2) await sleep(10);
      full.reject(Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }));
      const reasons = (await settled).flatMap((one): unknown[] => (one.status === 'rejected' ? [one.reason] : []));
      assert.ok(reasons.length > 0);
      for (const reason of reasons) assert.ok(reason instanceof MachineError, String(reason));
    },
    { datasync: async () => await full.promise },
    { plain: bytes, slots: large, chunkSize: 4 * MiB },
  );
});
