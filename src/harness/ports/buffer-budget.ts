import type { Image, Slot } from '../../model/image.ts';
import type {
  ChunkDecoder,
  ChunkSource,
  EncodedChunk,
  PlainChunk,
  RestoreTarget,
  StrategyKnobs,
} from '../../model/ports.ts';
import { ByteLedger } from './byte-ledger.ts';

/** The longest header of a data blob, that of the encrypted kinds: magic 8, CRC 4, IV 16, tag 16 (pbs-protocol 6.1). */
const LONGEST_BLOB_HEADER_BYTES = 44;

/**
 * Bytes that a chunk may need between its request and its write: the plain chunk, and its blob, which is never longer
 * than the chunk and a header since a chunk that does not shrink is stored uncompressed. A window of n chunks is
 * narrowed by no budget of n times as much.
 */
export function worstCaseChunkBytes(chunkSize: number): number {
  return 2 * chunkSize + LONGEST_BLOB_HEADER_BYTES;
}

/**
 * Most chunks that a budget lets a strategy hold from their request until their write. Each has reserved at least its
 * plain bytes all that time, and the last of the image, which may be shorter, comes on top. Who has memory for so many
 * never has to wait for it, so that a restore cannot deadlock on memory either.
 */
export function mostChunksHeld(
  { inFlight, bufferBytes }: Pick<StrategyKnobs, 'inFlight' | 'bufferBytes'>,
  { chunkSize, slotOffsets }: Pick<Image, 'chunkSize' | 'slotOffsets'>,
): number {
  // Chunks of other lengths need less than the longest of them once they are decoded, so that more can be held.
  if (slotOffsets !== undefined) return inFlight + 1;
  return Math.min(inFlight, Math.max(1, Math.floor(bufferBytes / chunkSize))) + 1;
}

export interface BufferBudgetOptions {
  /** Bound on encoded plus decoded bytes. One chunk that exceeds it alone is let through by itself. */
  readonly bufferBytes: number;
  /** Of the image; a fetch does not know its slot, which may be shorter. */
  readonly chunkSize: number;
}

/**
 * Bounds the encoded plus decoded bytes that a restore holds by holding back fetches. The worst case is reserved before
 * a fetch and given back in steps: what the blob did not need when it has arrived, the blob when it is decoded, the
 * plain bytes when they are written.
 *
 * No strategy can deadlock on it. A chunk that has its reservation needs nothing more to be fetched, decoded and
 * written, unless the strategy holds it back for its turn, which only waits for chunks that were requested before it.
 * Reservations are granted in the order of the requests, so those have theirs already or come before it in the queue;
 * and the first of the queue is let through at the latest when everything granted before it has been written.
 *
 * Chunks that a strategy drops when a restore fails stay reserved: a budget is for one restore.
 */
export class BufferBudget {
  readonly #ledger: ByteLedger;
  readonly #chunkSize: number;
  readonly #plainBytes: Map<PlainChunk, number> = new Map();
  #heldBytes = 0;
  #peakBytes = 0;

  constructor({ bufferBytes, chunkSize }: BufferBudgetOptions) {
    this.#ledger = new ByteLedger(bufferBytes);
    this.#chunkSize = chunkSize;
  }

  /**
   * Largest number of bytes held at once: blobs from their arrival until they are decoded, plain chunks from the start
   * of their decoding until they are written. Blobs still on the wire are not counted, though reserved for.
   */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** Fetches that had to wait. */
  get waits(): number {
    return this.#ledger.waits;
  }

  /** Bytes that no fetch can have now. */
  get reservedBytes(): number {
    return this.#ledger.reservedBytes;
  }

  boundSource(source: ChunkSource): ChunkSource {
    return { fetch: (digest, signal) => this.#fetch(source, digest, signal) };
  }

  boundDecoder(decoder: ChunkDecoder): ChunkDecoder {
    return { decode: (chunk, slot) => this.#decode(decoder, chunk, slot) };
  }

  boundTarget(target: RestoreTarget): RestoreTarget {
    return {
      write: (offset, chunk) => this.#write(target, offset, chunk),
      writeZeroes: (offset, length) => target.writeZeroes(offset, length),
      finish: () => target.finish(),
    };
  }

  async #fetch(source: ChunkSource, digest: string, signal: AbortSignal): Promise<EncodedChunk> {
    const worstCase = worstCaseChunkBytes(this.#chunkSize);
    await this.#ledger.reserve(worstCase, signal);
    let needed = 0;
    try {
      const chunk = await source.fetch(digest, signal);
      needed = chunk.encodedBytes + this.#chunkSize;
      this.#hold(chunk.encodedBytes);
      return chunk;
    } finally {
      this.#ledger.release(worstCase - needed);
    }
  }

  async #decode(decoder: ChunkDecoder, chunk: EncodedChunk, slot: Slot): Promise<PlainChunk> {
    this.#hold(slot.length);
    let plainBytes = 0;
    try {
      const plain = await decoder.decode(chunk, slot);
      plainBytes = slot.length;
      this.#plainBytes.set(plain, plainBytes);
      return plain;
    } finally {
      this.#heldBytes -= chunk.encodedBytes + slot.length - plainBytes;
      this.#ledger.release(chunk.encodedBytes + this.#chunkSize - plainBytes);
    }
  }

  async #write(target: RestoreTarget, offset: number, chunk: PlainChunk): Promise<void> {
    try {
      await target.write(offset, chunk);
    } finally {
      const bytes = this.#plainBytes.get(chunk) ?? 0;
      this.#plainBytes.delete(chunk);
      this.#heldBytes -= bytes;
      this.#ledger.release(bytes);
    }
  }

  #hold(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#heldBytes > this.#peakBytes) this.#peakBytes = this.#heldBytes;
  }
}
