import { SlabPool } from '../../src/memory/slab-pool.ts';
import type { Slot } from '../../src/model/image.ts';
import type { ReceivedChunk } from '../../src/model/received-chunk.ts';
import { encodeBlob } from '../../src/pbs/format/blob.ts';
import type { CryptConfig } from '../../src/pbs/format/crypt-config.ts';
import { chunkDigest } from '../../src/pbs/format/digest.ts';

/** A slot for these bytes, as an index would describe it. */
export function slotOf(plain: Uint8Array, offset = 0, crypt?: CryptConfig): Slot {
  return { index: 0, offset, length: plain.length, digest: chunkDigest(plain, crypt), isZero: false };
}

interface ReceivedOptions {
  readonly compress?: boolean;
  readonly crypt?: CryptConfig;
  /** Where its memory is from; one without bound unless given. */
  readonly pool?: SlabPool;
}

/** The chunk of these bytes as a session would hand it over. */
export function received(plain: Uint8Array, { compress = false, crypt, pool }: ReceivedOptions = {}): ReceivedChunk {
  const blob = encodeBlob(plain, { compress, ...(crypt === undefined ? {} : { crypt }) });
  return receivedBlob(blob, slotOf(plain, 0, crypt).digest, pool);
}

const memory = new SlabPool({ limit: Infinity });

export function receivedBlob(blob: Uint8Array, digest: string, pool: SlabPool = memory): ReceivedChunk {
  const loan = pool.take(blob.length, new AbortController().signal);
  if (loan instanceof Promise) throw new Error('the pool is used up');
  loan.bytes.set(blob);
  return {
    digest,
    bytes: loan.bytes,
    encodedBytes: blob.length,
    timing: { requestSentMs: 0, firstByteMs: 0, lastByteMs: 0, connection: 0 },
    memory: loan,
  };
}

/** Bytes that do not compress and differ for each seed. */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed + 1) * 0x9e3779b1;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
