import assert from 'node:assert/strict';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';

import { monotonicClock } from '../../src/clock/monotonic.ts';
import { DecoderPool } from '../../src/decode/decoder-pool.ts';
import type { HeldChunk } from '../../src/decode/held-chunk.ts';
import { SLAB_BYTES, SlabPool } from '../../src/memory/slab-pool.ts';
import { IntegrityError, KnownError } from '../../src/model/errors.ts';
import { encodeBlob } from '../../src/pbs/format/blob.ts';
import { magics } from '../../src/pbs/format/magic.ts';
import { otherCrypt, specCrypt } from '../pbs/format/keys.ts';
import { noise, received, receivedBlob, slotOf } from './chunks.ts';

const clock = monotonicClock();
const CHUNK = 256 * 1024;

for (const threads of [0, 2]) {
  test(`${threads} threads: plain and compressed chunks come out as they were`, async () => {
    await using pool = new DecoderPool({ threads, clock });
    for (const compress of [false, true]) {
      const plain = noise(CHUNK, 1).fill(7, CHUNK / 2);
      const before = clock.now();
      const held = await pool.decode(received(plain, { compress }), slotOf(plain));
      assert.equal(held.length, CHUNK);
      assert.equal(held.isHeld, true);
      const receipt = await held.writeTo({ kind: 'checksum' }, 12);
      assert.equal(receipt.crc32, crc32(plain));
      assert.deepEqual([receipt.offset, receipt.length], [12, CHUNK]);
      assert.equal(held.isHeld, false);
      const { startedMs, endedMs, worker } = held.timing;
      assert.ok(before <= startedMs && startedMs <= endedMs, 'decode times are on the clock of the caller');
      assert.ok(endedMs <= receipt.startedMs && receipt.startedMs <= receipt.endedMs && receipt.endedMs <= clock.now());
      assert.ok(threads === 0 ? worker === 0 : worker >= 1 && worker <= threads);
      assert.ok(receipt.cpuMs >= 0);
    }
    assert.ok(pool.busyMs > 0);
    assert.equal(pool.queueLength, 0);
  });

  test(`${threads} threads: a damaged chunk is refused with its digest and the cause`, async () => {
    await using pool = new DecoderPool({ threads, clock });
    const plain = noise(CHUNK, 2);
    const slot = slotOf(plain);
    const refusal = (code: string) => (error: unknown) =>
      error instanceof IntegrityError && error.code === code && error.message.includes(slot.digest);

    const flipped = encodeBlob(plain, { compress: false });
    flipped[5000] = flipped[5000]! ^ 1;
    await assert.rejects(pool.decode(receivedBlob(flipped, slot.digest), slot), refusal('blob-crc'));
    await assert.rejects(pool.decode(received(noise(CHUNK, 3)), slot), refusal('chunk-digest'));
    await assert.rejects(pool.decode(received(plain.subarray(1)), slot), refusal('chunk-length'));
    await assert.rejects(pool.decode(received(noise(CHUNK + 1, 2)), slot), refusal('blob-too-large'));
    await assert.rejects(pool.decode(receivedBlob(new Uint8Array(3), slot.digest), slot), refusal('blob-truncated'));
    await assert.rejects(pool.decode(receivedBlob(new Uint8Array(300), slot.digest), slot), refusal('blob-magic'));
    const zstd = encodeBlob(new Uint8Array(CHUNK));
    await assert.rejects(pool.decode(receivedBlob(zstd, slot.digest), slot), refusal('chunk-digest'));

    const encrypted = encodeBlob(plain, { compress: false });
    encrypted.set(Buffer.from(magics.encrypted, 'hex'));
    new DataView(encrypted.buffer, encrypted.byteOffset).setUint32(8, crc32(encrypted.subarray(44)), true);
    await assert.rejects(pool.decode(receivedBlob(encrypted, slot.digest), slot), refusal('chunk-crypt-mode'));

    const held = await pool.decode(received(plain), slot);
    assert.equal((await held.writeTo({ kind: 'checksum' }, 0)).crc32, crc32(plain), 'the pool still works');
  });

  test(`${threads} threads: encrypted chunks come out as they were, up to the longest that PBS takes`, async () => {
    await using pool = new DecoderPool({ threads, clock, crypt: specCrypt });
    for (const [length, compress] of [
      [CHUNK, false],
      [CHUNK, true],
      [1, false],
      [16 << 20, false],
      [16 << 20, true],
    ] as const) {
      const plain = noise(length, 1).fill(7, length / 2);
      const held = await pool.decode(received(plain, { compress, crypt: specCrypt }), slotOf(plain, 0, specCrypt));
      assert.equal((await held.writeTo({ kind: 'checksum' }, 0)).crc32, crc32(plain), `${length} bytes`);
    }
  });

  test(`${threads} threads: what is not encrypted under the key is refused, and why`, async () => {
    await using pool = new DecoderPool({ threads, clock, crypt: specCrypt });
    const plain = noise(CHUNK, 2);
    const slot = slotOf(plain, 0, specCrypt);
    const refusal = (code: string) => (error: unknown) =>
      error instanceof IntegrityError && error.code === code && error.message.includes(slot.digest);
    const refused = async (blob: Uint8Array, code: string): Promise<void> =>
      await assert.rejects(pool.decode(receivedBlob(blob, slot.digest), slot), refusal(code));

    await refused(encodeBlob(plain, { compress: false }), 'chunk-crypt-mode');
    await refused(encodeBlob(plain, { crypt: otherCrypt }), 'blob-decrypt');
    await refused(encodeBlob(noise(CHUNK, 3), { crypt: specCrypt }), 'chunk-digest');
    await refused(encodeBlob(plain.subarray(1), { crypt: specCrypt }), 'chunk-length');
    await refused(encodeBlob(noise(CHUNK + 1, 2), { crypt: specCrypt }), 'blob-too-large');
    const flipped = encodeBlob(plain, { crypt: specCrypt });
    flipped[5000] = flipped[5000]! ^ 1;
    await refused(flipped, 'blob-crc');
    const tag = encodeBlob(plain, { crypt: specCrypt });
    tag[30] = tag[30]! ^ 1;
    await refused(tag, 'blob-decrypt');

    const held = await pool.decode(received(plain, { crypt: specCrypt }), slot);
    assert.equal((await held.writeTo({ kind: 'checksum' }, 0)).crc32, crc32(plain), 'the pool still works');
  });

  test(`${threads} threads: bytes are written into a file at their place`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'held-chunk-'));
    try {
      await using pool = new DecoderPool({ threads, clock });
      await using file = await open(join(folder, 'image'), 'wx');
      const [first, second] = [noise(CHUNK, 4), noise(1000, 5)];
      const held = [
        await pool.decode(received(second), slotOf(second)),
        await pool.decode(received(first), slotOf(first)),
      ];
      await held[0]!.writeTo({ kind: 'file', fd: file.fd }, CHUNK);
      const receipt = await held[1]!.writeTo({ kind: 'file', fd: file.fd }, 0);
      assert.equal(receipt.crc32, undefined);
      assert.deepEqual(await readFile(join(folder, 'image')), Buffer.concat([first, second]));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test(`${threads} threads: a full disk is told with the system's code`, async () => {
    await using pool = new DecoderPool({ threads, clock });
    await using full = await open('/dev/full', 'w');
    const plain = noise(CHUNK, 6);
    const held = await pool.decode(received(plain), slotOf(plain));
    await assert.rejects(held.writeTo({ kind: 'file', fd: full.fd }, 0), { code: 'ENOSPC' });
  });

  test(`${threads} threads: a handle gives its bytes once`, async () => {
    await using pool = new DecoderPool({ threads, clock });
    const plain = noise(CHUNK, 7);
    const held = await pool.decode(received(plain), slotOf(plain));
    held.release();
    held.release();
    assert.equal(held.isHeld, false);
    await assert.rejects(held.writeTo({ kind: 'checksum' }, 0), /no longer held/u);
  });
}

test('many chunks at once are spread over the threads, and all of them decoded', async () => {
  await using pool = new DecoderPool({ threads: 3, clock });
  const plains = Array.from({ length: 24 }, (_, index) => noise(CHUNK + index, index));
  const decoding = plains.map(async (plain) => {
    const held = await pool.decode(received(plain), slotOf(plain));
    return { worker: held.timing.worker, checksum: (await held.writeTo({ kind: 'checksum' }, 0)).crc32 };
  });
  assert.ok(pool.queueLength > 3);
  const done = await Promise.all(decoding);
  assert.deepEqual(
    done.map(({ checksum }) => checksum),
    plains.map((plain) => crc32(plain)),
  );
  assert.deepEqual(new Set(done.map(({ worker }) => worker)), new Set([1, 2, 3]));
});

for (const threads of [0, 1]) {
  test(`${threads} threads: the memory of a chunk comes back when nothing needs it any more`, async () => {
    await using pool = new DecoderPool({ threads, clock });
    const memory = new SlabPool({ limit: 4 });
    const plain = noise(CHUNK, 8);

    const held = await pool.decode(received(plain, { pool: memory }), slotOf(plain));
    assert.equal(memory.lent, 1, 'it still holds the plain bytes');
    await held.writeTo({ kind: 'checksum' }, 0);
    assert.equal(memory.lent, 0);

    const compressed = await pool.decode(
      received(new Uint8Array(CHUNK), { compress: true, pool: memory }),
      slotOf(new Uint8Array(CHUNK)),
    );
    assert.equal(memory.lent, 0, 'the plain bytes are elsewhere');
    await compressed.writeTo({ kind: 'checksum' }, 0);
    assert.equal(memory.lent, 0);

    await assert.rejects(pool.decode(received(noise(CHUNK, 9), { pool: memory }), slotOf(plain)));
    assert.equal(memory.lent, 0, 'a chunk that is refused gives its memory back');

    (await pool.decode(received(plain, { pool: memory }), slotOf(plain))).release();
    while (memory.lent > 0) await new Promise((resolve) => setTimeout(resolve, 1));

    await using full = await open('/dev/full', 'w');
    const unwritable = await pool.decode(received(plain, { pool: memory }), slotOf(plain));
    await assert.rejects(unwritable.writeTo({ kind: 'file', fd: full.fd }, 0));
    assert.deepEqual([memory.lent, memory.free], [0, 4]);
  });

  test(`${threads} threads: one piece of memory serves chunk after chunk`, async () => {
    await using pool = new DecoderPool({ threads, clock });
    const memory = new SlabPool({ limit: 1 });
    for (let round = 0; round < 20; round += 1) {
      const plain = noise(CHUNK - round, round);
      const held = await pool.decode(received(plain, { pool: memory, compress: round % 3 === 0 }), slotOf(plain));
      assert.equal((await held.writeTo({ kind: 'checksum' }, 0)).crc32, crc32(plain));
    }
    assert.equal(memory.bytes, SLAB_BYTES);
  });

  test(`${threads} threads: a chunk is taken once, and only while it has its memory`, async () => {
    await using pool = new DecoderPool({ threads, clock });
    const memory = new SlabPool({ limit: 2 });
    const plain = noise(CHUNK, 9);
    const chunk = received(plain, { pool: memory });
    const held = await pool.decode(chunk, slotOf(plain));
    await assert.rejects(pool.decode(chunk, slotOf(plain)), /handed on twice/u);
    await held.writeTo({ kind: 'checksum' }, 0);
    await assert.rejects(pool.decode(chunk, slotOf(plain)), /handed on twice/u);
    assert.equal(memory.lent, 0, 'it was given back once');

    const late = received(plain, { pool: memory });
    memory.reclaim();
    await assert.rejects(pool.decode(late, slotOf(plain)), /taken back/u);
  });
}

test('what is held on the calling thread is worthless once its memory was reclaimed', async () => {
  await using pool = new DecoderPool({ threads: 0, clock });
  const memory = new SlabPool({ limit: 1 });
  const plain = noise(CHUNK, 9);
  const held = await pool.decode(received(plain, { pool: memory }), slotOf(plain));
  await pool.reset();
  memory.reclaim();
  await assert.rejects(held.writeTo({ kind: 'checksum' }, 0), { code: 'decode-thread-ended' });
});

test('a thread that dies fails what it had, and the pool goes on', async () => {
  await using pool = new DecoderPool({ threads: 1, clock, entry: new URL('mortal-worker.ts', import.meta.url) });
  const ended = { name: 'MachineError', code: 'decode-thread-ended', message: /exit code 3/u };
  const plain = noise(CHUNK, 9);
  const slot = slotOf(plain);
  const memory = new SlabPool({ limit: 4 });
  const held = await pool.decode(received(plain, { pool: memory }), slot);
  const outcomes = Promise.allSettled([
    pool.decode(received(plain, { pool: memory }), { ...slot, length: 666 }),
    pool.decode(received(plain, { pool: memory }), slot),
    pool.decode(received(plain, { pool: memory }), slot),
  ]);
  const [killed, second, third] = await outcomes;
  assert.throws(() => {
    if (killed.status === 'rejected') throw killed.reason;
  }, ended);
  assert.equal(second.status, 'rejected', 'it was in the same thread');
  assert.equal(third.status, 'fulfilled', 'it waited for a thread, and got the new one');
  await assert.rejects(held.writeTo({ kind: 'checksum' }, 0), ended, 'its bytes died with the thread');
  assert.equal(memory.lent, 1, 'all memory came back but that of the chunk that is held');
});

test('a reset frees what a broken-off restore left behind', async () => {
  await using pool = new DecoderPool({ threads: 1, clock });
  const plain = noise(CHUNK, 11);
  const memory = new SlabPool({ limit: 5 });
  const decode = async (): Promise<HeldChunk> => await pool.decode(received(plain, { pool: memory }), slotOf(plain));
  const left = await decode();
  const outcomes = Promise.allSettled([decode(), decode(), decode(), decode()]);
  await pool.reset();
  assert.deepEqual([memory.lent, memory.free], [0, 5], 'with all memory');
  for (const { status } of await outcomes) assert.equal(status, 'rejected');
  await assert.rejects(left.writeTo({ kind: 'checksum' }, 0), { code: 'decode-thread-ended' });
  const again = await pool.decode(received(plain), slotOf(plain));
  assert.equal((await again.writeTo({ kind: 'checksum' }, 0)).crc32, crc32(plain));
});

test('closing the pool fails what is under way instead of leaving it hanging', async () => {
  const pool = new DecoderPool({ threads: 1, clock });
  const plain = noise(CHUNK, 10);
  const memory = new SlabPool({ limit: 4 });
  const decoding = [1, 2, 3, 4].map(async () => await pool.decode(received(plain, { pool: memory }), slotOf(plain)));
  const outcomes = Promise.allSettled(decoding);
  await pool[Symbol.asyncDispose]();
  for (const outcome of await outcomes) {
    assert.equal(outcome.status, 'rejected');
    assert.ok(outcome.reason instanceof KnownError && outcome.reason.code === 'decode-thread-ended');
  }
  assert.equal(memory.lent, 0);
});
