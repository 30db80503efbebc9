// Decode threads as a restore uses them, fed from memory, as a process of its own.
import { hash } from 'node:crypto';

import { monotonicClock } from '../../../src/clock/monotonic.ts';
import { DecoderPool } from '../../../src/decode/decoder-pool.ts';
import { SlabPool } from '../../../src/memory/slab-pool.ts';
import type { Slot } from '../../../src/model/image.ts';
import type { ReceivedChunk } from '../../../src/model/received-chunk.ts';
import { encodeBlob } from '../../../src/pbs/format/blob.ts';
import { collectLessOften } from '../../../src/process/collect-less-often.ts';
import { serveCalls } from '../../../src/process/serve-calls.ts';
import type { DecodeCalls } from './decode-control.ts';
import { fetchAll } from './destinations.ts';
import { payloadChunks, POOL_CHUNKS } from './payload.ts';

/** Passes over the 16 chunks: 0.5 GB. */
const ROUNDS = 8;
const IN_FLIGHT = 16;

collectLessOften();

interface EncodedChunk {
  readonly chunk: ReceivedChunk;
  readonly slot: Slot;
}

const clock = monotonicClock();
const slabs = new SlabPool({ limit: Number.POSITIVE_INFINITY });
const { signal } = new AbortController();
const pools = new Map<number, DecoderPool>();
const material = new Map<number, readonly EncodedChunk[]>();

async function encode(plain: Uint8Array, index: number): Promise<EncodedChunk> {
  const blob = encodeBlob(plain);
  const { slab, buffer, bytes } = await slabs.take(blob.length, signal);
  bytes.set(blob);
  const digest = hash('sha256', plain);
  const timing = { requestSentMs: 0, firstByteMs: 0, lastByteMs: 0, connection: 0 };
  return {
    // It is lent for good, so that the same chunk can be decoded again.
    chunk: { digest, bytes, encodedBytes: blob.length, timing, memory: { slab, buffer, isLent: true, giveBack() {} } },
    slot: { index, offset: 0, length: plain.length, digest, isZero: false },
  };
}

async function chunksOf(compressionRatio: number): Promise<readonly EncodedChunk[]> {
  const made = material.get(compressionRatio) ?? (await Promise.all(payloadChunks(compressionRatio).map(encode)));
  material.set(compressionRatio, made);
  return made;
}

async function decodeAll(pool: DecoderPool, chunks: readonly EncodedChunk[], count: number): Promise<void> {
  await fetchAll(IN_FLIGHT, count, async (number) => {
    const next = chunks[number % chunks.length];
    if (next === undefined) throw new Error('there are no chunks');
    // A decoder takes each chunk once.
    const held = await pool.decode({ ...next.chunk }, next.slot);
    held.release();
  });
}

const calls: DecodeCalls = {
  async decode({ threads, compressionRatio }) {
    const chunks = await chunksOf(compressionRatio);
    const pool = pools.get(threads) ?? new DecoderPool({ threads, clock });
    pools.set(threads, pool);
    await decodeAll(pool, chunks, POOL_CHUNKS);
    const startedMs = clock.now();
    const before = process.cpuUsage();
    await decodeAll(pool, chunks, ROUNDS * POOL_CHUNKS);
    const { user, system } = process.cpuUsage(before);
    const plainBytes = chunks.reduce((sum, { slot }) => sum + slot.length, 0) * ROUNDS;
    return { plainBytes, durationMs: clock.now() - startedMs, cpuMs: (user + system) / 1000 };
  },
};

serveCalls(calls);
