import assert from 'node:assert/strict';
import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

import { monotonicClock } from '../../src/clock/monotonic.ts';
import { DecoderPool } from '../../src/decode/decoder-pool.ts';
import { CpuEstimate } from '../../src/decode/cpu-estimate.ts';
import { HeldChunk, writeBytes, type WriteReceipt } from '../../src/decode/held-chunk.ts';
import type { TargetSettings } from '../../src/model/environment.ts';
import { MachineError, UsageError } from '../../src/model/errors.ts';
import { createTarget } from '../../src/target/create-target.ts';
import { DiscardTarget } from '../../src/target/discard-target.ts';
import { FileTarget } from '../../src/target/file-target.ts';
import type { ExpectedImage, ProofOutcome, ProvableTarget } from '../../src/target/target.ts';
import { noise, received, slotOf } from '../decode/chunks.ts';

const clock = monotonicClock();
const chunkSize = 64 * 1024;
const tail = 1000;
const slots: readonly Uint8Array[] = [
  noise(chunkSize, 1),
  new Uint8Array(chunkSize),
  noise(chunkSize, 2),
  noise(chunkSize, 3),
  noise(tail, 4),
];
const image = Buffer.concat(slots);
const expected: ExpectedImage = {
  size: image.length,
  chunkSize,
  slotChecksums: Uint32Array.from(slots, (slot) => crc32(slot)),
  sha256: createHash('sha256').update(image).digest('hex'),
};

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'targets-'));
});
after(async () => await rm(folder, { recursive: true }));

const kinds: readonly { readonly name: string; readonly settings: () => TargetSettings }[] = [
  { name: 'discard', settings: () => ({ kind: 'discard' }) },
  { name: 'throttled', settings: () => ({ kind: 'throttled', rateBytesPerSecond: 1e9 }) },
  { name: 'file', settings: () => ({ kind: 'file', path: join(folder, 'restored') }) },
];

interface Scene {
  readonly target: ProvableTarget;
  readonly decode: (slot: number) => Promise<HeldChunk>;
}

type Restore = (scene: Scene) => Promise<void>;

/** Runs a restore by hand and returns what the target can prove of it. */
async function outcomeOf(
  settings: TargetSettings,
  threads: number,
  restore: Restore,
  proof = expected,
): Promise<ProofOutcome> {
  await using pool = new DecoderPool({ threads, clock });
  await using target = await createTarget(settings, { size: image.length, clock });
  const decode = async (slot: number): Promise<HeldChunk> => {
    const plain = slots[slot]!;
    return await pool.decode(received(plain), slotOf(plain));
  };
  await restore({ target, decode });
  await target.finish();
  return await target.prove(proof);
}

const put = async ({ target, decode }: Scene, slot: number, at = slot): Promise<void> =>
  await target.write(at * chunkSize, await decode(slot));

const faultless: Restore = async (scene) => {
  await put(scene, 4);
  await scene.target.writeZeroes(chunkSize, chunkSize);
  await Promise.all([put(scene, 3), put(scene, 0), put(scene, 2)]);
};

const faults: readonly (readonly [name: string, problem: RegExp, restore: Restore])[] = [
  [
    'two offsets swapped',
    /wrong bytes at offset 131072/u,
    async (scene) => {
      await scene.target.writeZeroes(chunkSize, chunkSize);
      await put(scene, 0);
      await put(scene, 2, 3);
      await put(scene, 3, 2);
      await put(scene, 4);
    },
  ],
  [
    'a chunk fetched and written twice',
    /65536 bytes at offset 131072 were written twice/u,
    async (scene) => {
      await faultless(scene);
      await put(scene, 2);
    },
  ],
  [
    'a chunk dropped',
    /nothing was written at offset 196608/u,
    async (scene) => {
      await scene.target.writeZeroes(chunkSize, chunkSize);
      for (const slot of [0, 2, 4]) await put(scene, slot);
    },
  ],
  [
    'a handle used for two places',
    /handed over a second time/u,
    async (scene) => {
      await scene.target.writeZeroes(chunkSize, chunkSize);
      const handle = await scene.decode(0);
      await scene.target.write(0, handle);
      await scene.target.write(2 * chunkSize, handle);
      await put(scene, 3);
      await put(scene, 4);
    },
  ],
  [
    'a handle used for two places at the same time',
    /handed over a second time/u,
    async (scene) => {
      await faultless(scene);
      const handle = await scene.decode(0);
      await Promise.all([scene.target.write(0, handle), scene.target.write(2 * chunkSize, handle)]);
    },
  ],
  [
    'a chunk behind the end',
    /outside of the image/u,
    async (scene) => {
      await faultless(scene);
      await put(scene, 3, 5);
    },
  ],
  [
    'zeros in the place of data',
    /offset 0/u,
    async (scene) => {
      await scene.target.writeZeroes(0, 2 * chunkSize);
      for (const slot of [2, 3, 4]) await put(scene, slot);
    },
  ],
];

for (const { name, settings } of kinds) {
  for (const threads of [0, 2]) {
    test(`${name}, ${threads} threads: a restore out of order is proven`, async () => {
      const { verified, proof, sha256 } = await outcomeOf(settings(), threads, faultless);
      assert.deepEqual([proof.problems, verified], [[], true]);
      assert.equal(sha256, name === 'file' ? expected.sha256 : undefined);
      assert.equal(proof.method, name === 'file' ? 'sha256-of-file' : 'crc32-per-chunk');
    });
  }
  for (const [fault, problem, restore] of faults) {
    test(`${name}: ${fault} ends unverified`, async () => {
      const { verified, proof } = await outcomeOf(settings(), 1, restore);
      assert.equal(verified, false);
      assert.match(proof.problems.join('\n'), problem);
    });
  }

  test(`${name}: memory that is reused before its write ran ends unverified`, async () => {
    const { verified, proof } = await outcomeOf(settings(), 0, async ({ target }) => {
      await using pool = new DecoderPool({ threads: 0, clock });
      await target.writeZeroes(chunkSize, chunkSize);
      // Without threads the plain bytes of an uncompressed chunk are those of the received buffer.
      const chunks = [0, 2, 3, 4].map((slot) => ({ slot, chunk: received(slots[slot]!) }));
      const queued = await Promise.all(
        chunks.map(async ({ slot, chunk }) => ({ slot, held: await pool.decode(chunk, slotOf(slots[slot]!)) })),
      );
      chunks[2]!.chunk.bytes.set(chunks[0]!.chunk.bytes);
      for (const { slot, held } of queued) await target.write(slot * chunkSize, held);
    });
    assert.equal(verified, false);
    assert.match(proof.problems.join('\n'), /wrong bytes at offset 196608 \(65536 bytes\)/u);
  });

  test(`${name}: a chunk that no DecoderPool made is refused`, async () => {
    await assert.rejects(
      outcomeOf(settings(), 0, async ({ target }) => await target.write(0, { length: chunkSize })),
      TypeError,
    );
  });

  test(`${name}: the time of writes is counted`, async () => {
    await using pool = new DecoderPool({ threads: 0, clock });
    await using target = await createTarget(settings(), { size: image.length, clock });
    assert.equal(target.writeBusyMs, 0);
    const startedMs = clock.now();
    await put({ target, decode: async (slot) => await pool.decode(received(slots[slot]!), slotOf(slots[slot]!)) }, 0);
    await target.finish();
    if (name === 'discard') assert.equal(target.writeBusyMs, 0);
    else assert.ok(target.writeBusyMs > 0 && target.writeBusyMs <= clock.now() - startedMs);
    assert.equal(target.proofCpuMs > 0, name !== 'file');
  });
}

/** A chunk whose checksum is taken when the test says so. */
function pendingChunk(): { readonly chunk: HeldChunk; readonly proof: PromiseWithResolvers<WriteReceipt> } {
  const proof = Promise.withResolvers<WriteReceipt>();
  const timing = { startedMs: 0, endedMs: 0, worker: 1 };
  const chunk = new HeldChunk(chunkSize, timing, { write: async () => await proof.promise, release: () => {} });
  return { chunk, proof };
}

const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  const settled = promise.then(
    () => true,
    () => true,
  );
  return await Promise.race([settled, new Promise<false>((resolve) => setImmediate(resolve, false))]);
};

test('discard: writes do not wait for their proof, unless four others do', async () => {
  await using target = new DiscardTarget();
  const pending = Array.from({ length: 5 }, () => pendingChunk());
  const writes = pending.map(async ({ chunk }, index) => await target.write(index * chunkSize, chunk));
  assert.deepEqual(await Promise.all(writes.map(isSettled)), [true, true, true, true, false]);
  const receipt = { length: chunkSize, crc32: 0, cpuMs: 1, startedMs: 0, endedMs: 1 };
  pending[2]!.proof.resolve({ ...receipt, offset: 2 * chunkSize });
  await writes[4];
  const finished = target.finish();
  assert.equal(await isSettled(finished), false);
  for (const [index, { proof }] of pending.entries()) proof.resolve({ ...receipt, offset: index * chunkSize });
  await finished;
  assert.equal(target.proofCpuMs, 5);
});

test('discard: a proof that cannot be made fails the restore', async () => {
  await using target = new DiscardTarget();
  const { chunk, proof } = pendingChunk();
  await target.write(0, chunk);
  proof.reject(new MachineError('decode thread 1 has ended', { code: 'decode-thread-ended' }));
  await assert.rejects(target.finish(), /decode thread 1 has ended/u);
});

test('file: without a hash of the image its chunks are compared', async () => {
  const { sha256: _, ...withoutHash } = expected;
  const settings: TargetSettings = { kind: 'file', path: join(folder, 'unhashed') };
  const right = await outcomeOf(settings, 1, faultless, withoutHash);
  assert.deepEqual([right.verified, right.sha256], [true, expected.sha256]);
  const wrong = await outcomeOf(settings, 1, faults[0]![2], withoutHash);
  assert.equal(wrong.verified, false);
  assert.equal(wrong.proof.problems[0], 'wrong bytes at offset 131072 (65536 bytes)');
});

test('file: the restored file is the image, takes no space for zeros, and goes away', async () => {
  const path = join(folder, 'kept');
  await using pool = new DecoderPool({ threads: 1, clock });
  const decode = async (slot: number): Promise<HeldChunk> =>
    await pool.decode(received(slots[slot]!), slotOf(slots[slot]!));
  {
    await using target = await createTarget({ kind: 'file', path }, { size: image.length, clock, keep: true });
    assert.equal((await stat(path)).size, image.length);
    await faultless({ target, decode });
    await target.finish();
  }
  assert.deepEqual(await readFile(path), image);
  await rm(path);
  {
    await using _ = await createTarget({ kind: 'file', path }, { size: 1 << 30, clock });
    const { size, blocks } = await stat(path);
    assert.deepEqual([size, blocks < 64], [1 << 30, true]);
  }
  await assert.rejects(stat(path), { code: 'ENOENT' });
});

test('file: an existing one is refused and left alone', async () => {
  const path = join(folder, 'precious');
  await writeFile(path, 'precious');
  await assert.rejects(
    createTarget({ kind: 'file', path }, { size: 8, clock }),
    (error) => error instanceof UsageError && error.code === 'target-exists' && error.message.includes(path),
  );
  assert.equal(await readFile(path, 'utf8'), 'precious');
  await assert.rejects(createTarget({ kind: 'file', path: join(folder, 'none', 'x') }, { size: 8, clock }), {
    code: 'target-folder-missing',
  });
  await assert.rejects(createTarget({ kind: 'file', path: join(path, 'x') }, { size: 8, clock }), {
    code: 'machine-enotdir',
  });
});

test("file: a full disk is this machine's fault, and the path is named", async () => {
  const path = join(folder, 'full');
  await using pool = new DecoderPool({ threads: 1, clock });
  await using target = new FileTarget(path, await open('/dev/full', 'w'), { size: image.length, clock });
  const held = await pool.decode(received(slots[0]!), slotOf(slots[0]!));
  await assert.rejects(
    target.write(0, held),
    (error) => error instanceof MachineError && error.code === 'machine-enospc' && error.message.includes(path),
  );
});

test('throttled: writers share one rate', async () => {
  const rateBytesPerSecond = 1_000_000;
  await using pool = new DecoderPool({ threads: 1, clock });
  await using target = await createTarget({ kind: 'throttled', rateBytesPerSecond }, { size: image.length, clock });
  const startedMs = clock.now();
  await target.writeZeroes(chunkSize, chunkSize);
  const plain = [0, 2, 3].map((slot) => slots[slot]!);
  await Promise.all(
    plain.map(async (bytes) => await target.write(0, await pool.decode(received(bytes), slotOf(bytes)))),
  );
  const tookMs = clock.now() - startedMs;
  const owedMs = (3 * chunkSize * 1000) / rateBytesPerSecond;
  assert.ok(tookMs > owedMs - 10, `${tookMs} ms for ${owedMs} ms of data`);
  assert.ok(target.writeBusyMs > owedMs - 10 && target.writeBusyMs <= tookMs + 1);
});

test('throttled: closing the target ends a write that waits', async () => {
  await using pool = new DecoderPool({ threads: 0, clock });
  const target = await createTarget({ kind: 'throttled', rateBytesPerSecond: 1 }, { size: image.length, clock });
  const writing = target.write(0, await pool.decode(received(slots[0]!), slotOf(slots[0]!)));
  const outcome = assert.rejects(writing, /closed/u);
  await target[Symbol.asyncDispose]();
  await outcome;
});

test('a file is not closed before a write that it began has ended', async () => {
  const path = join(folder, 'pending');
  const target = await createTarget({ kind: 'file', path }, { size: image.length, clock });
  const order: string[] = [];
  const { promise: threadDone, resolve } = Promise.withResolvers<void>();
  const plain = slots[0]!;
  const held = new HeldChunk(
    plain.length,
    { startedMs: 0, endedMs: 0, worker: 1 },
    {
      write: async (sink, offset) => {
        await threadDone;
        const receipt = writeBytes(plain, sink, offset, new CpuEstimate());
        order.push('written');
        return receipt;
      },
      release: () => {},
    },
  );
  const writing = target.write(0, held);
  const closing = target[Symbol.asyncDispose]().then(() => order.push('closed'));
  setTimeout(resolve, 30);
  await Promise.all([writing, closing]);
  assert.deepEqual(order, ['written', 'closed']);
});

test('a proof that is aborted ends with the reason', async () => {
  const abort = new AbortController();
  for (const { settings } of kinds) {
    await using target = await createTarget(settings(), { size: image.length, clock });
    abort.abort(new Error('enough'));
    await assert.rejects(target.prove(expected, abort.signal), /enough/u);
  }
});
