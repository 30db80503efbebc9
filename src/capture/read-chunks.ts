import type { Slot } from '../model/image.ts';
import type { ChunkSource, EncodedChunk } from '../model/ports.ts';
import type { PhaseLimits } from './phase-limits.ts';
import { Transfer } from './transfer.ts';

/** One chunk that was fetched by itself or beside others. */
export interface ChunkRead {
  readonly slot: Slot;
  /** Of its blob. */
  readonly encodedBytes: number;
  /** From its request until the head of its answer. */
  readonly firstByteMs: number;
  /** From there until its last byte. */
  readonly receiveMs: number;
}

export interface ChunkReads {
  readonly reads: readonly ChunkRead[];
  /** Bytes of the connection, seen whenever a chunk was whole: chunks of a window come at the same time, their bytes do not. */
  readonly transfer: Transfer;
  /** From the first request until the last chunk was decoded. */
  readonly durationMs: number;
}

export interface ReadChunksOptions extends PhaseLimits {
  readonly source: ChunkSource & { readonly receivedBytes: number };
  /** Takes over the chunk and does with it what a restore does. */
  readonly consume: (chunk: EncodedChunk, slot: Slot) => Promise<void>;
  /** Done before each request, where they are one at a time; its time does not count, in `durationMs` neither. */
  readonly before?: () => Promise<void>;
}

/** Fetches chunks in the given order, so many at a time, until they, the budget or the time are used up. */
export async function readChunks(slots: readonly Slot[], options: ReadChunksOptions): Promise<ChunkReads> {
  const { source, consume, inFlight, budgetBytes, durationMs, clock, signal, onBytes, before } = options;
  const startedMs = clock.now();
  const reads: ChunkRead[] = [];
  const waiting = slots.values();
  const transfer = new Transfer();
  let received = source.receivedBytes;
  let bytes = 0;
  let beforeMs = 0;
  const read = async (): Promise<void> => {
    for (const slot of waiting) {
      const waitedSinceMs = clock.now();
      await before?.();
      beforeMs += clock.now() - waitedSinceMs;
      const chunk = await source.fetch(slot.digest, signal);
      const { encodedBytes, timing } = chunk;
      if (timing === undefined) throw new TypeError('a chunk was fetched without its times');
      const { requestSentMs, firstByteMs, lastByteMs } = timing;
      bytes += encodedBytes;
      transfer.add(clock.now(), source.receivedBytes - received);
      received = source.receivedBytes;
      onBytes(encodedBytes);
      reads.push({
        slot,
        encodedBytes,
        firstByteMs: firstByteMs - requestSentMs,
        receiveMs: lastByteMs - firstByteMs,
      });
      await consume(chunk, slot);
      if (bytes >= budgetBytes || clock.now() - startedMs - beforeMs >= durationMs) return;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, read));
  return { reads, transfer, durationMs: clock.now() - startedMs - beforeMs };
}

/** Bytes per second that crossed the line. */
export function wireRate({ reads, durationMs }: ChunkReads): number {
  return (reads.reduce((sum, { encodedBytes }) => sum + encodedBytes, 0) * 1000) / durationMs;
}
