import { hash, randomBytes } from 'node:crypto';

import { UsageError } from '../../model/errors.ts';
import { slotLength, slotStart, type Image, type Slot } from '../../model/image.ts';
import { DIGEST_BYTES } from './digest.ts';
import { GrowingBytes } from './growing-bytes.ts';
import {
  brokenIndex,
  DEFAULT_MAX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  parseIndexHeader,
  verifyIndexCsum,
  writeIndexHeader,
  type IndexHeader,
} from './index-header.ts';

/** End offset and digest (spec 6.4). */
export const DYNAMIC_ENTRY_BYTES: number = 8 + DIGEST_BYTES;

/** Plain bytes of the longest chunk that a PBS takes, and that its clients cut (spec 12.1). */
export const MAX_DYNAMIC_CHUNK_BYTES: number = 16 * 1024 * 1024;

/**
 * A dynamic index: which chunks of varying length the stream of an archive is made of. Holds the entries as they are in
 * the file, about 10 MiB per TiB. Nothing of it counts as zeros: real clients fetch every chunk of an archive.
 */
export class DynamicIndex implements Image {
  readonly kind = 'dynamic';
  /** Bytes of the stream. */
  readonly size: number;
  /** Bytes of the longest chunk, 0 without chunks. */
  readonly chunkSize: number;
  readonly slotCount: number;
  readonly slotOffsets: Float64Array;
  readonly uuid: string;
  readonly ctime: number;
  /** SHA-256 over all entries: the header's, which {@link parseDynamicIndex} has found to be right. */
  readonly csum: string;
  readonly #entries: Buffer;

  /** For {@link parseDynamicIndex}, which checks the entries; kept, not copied. */
  constructor({ uuid, ctime, csum }: IndexHeader, entries: Buffer) {
    this.#entries = entries;
    this.slotCount = entries.length / DYNAMIC_ENTRY_BYTES;
    this.uuid = uuid;
    this.ctime = ctime;
    this.csum = csum;
    this.slotOffsets = new Float64Array(this.slotCount);
    let start = 0;
    let longest = 0;
    for (let slot = 0; slot < this.slotCount; slot += 1) {
      const end = Number(entries.readBigUInt64LE(slot * DYNAMIC_ENTRY_BYTES));
      this.slotOffsets[slot] = start;
      longest = Math.max(longest, end - start);
      start = end;
    }
    this.chunkSize = longest;
    this.size = start;
  }

  /** @throws RangeError outside of the index */
  digestAt(slot: number): string {
    if (!Number.isInteger(slot) || slot < 0 || slot >= this.slotCount) {
      throw new RangeError(`slot ${slot} of ${this.slotCount}`);
    }
    return this.#entries.toString('hex', slot * DYNAMIC_ENTRY_BYTES + 8, (slot + 1) * DYNAMIC_ENTRY_BYTES);
  }

  *slots(): Generator<Slot, void, undefined> {
    for (let index = 0; index < this.slotCount; index += 1) {
      const [offset, length] = [slotStart(this, index), slotLength(this, index)];
      yield { index, offset, length, digest: this.digestAt(index), isZero: false };
    }
  }
}

/**
 * Reads a whole index file; keeps its memory.
 * @throws IntegrityError `index-magic`, `index-truncated`, `index-length`, `index-order`, `index-chunk-size`, `index-csum`
 */
export function parseDynamicIndex(bytes: Uint8Array): DynamicIndex {
  const header = parseIndexHeader(bytes, 'dynamic');
  const entries = Buffer.from(
    bytes.buffer,
    bytes.byteOffset + INDEX_HEADER_BYTES,
    bytes.byteLength - INDEX_HEADER_BYTES,
  );
  if (entries.length % DYNAMIC_ENTRY_BYTES !== 0) {
    throw brokenIndex('dynamic', 'index-length', `its ${entries.length} bytes of entries are not a multiple of 40`);
  }
  verifyIndexCsum('dynamic', header, hash('sha256', entries, 'hex'));
  let start = 0n;
  for (let at = 0; at < entries.length; at += DYNAMIC_ENTRY_BYTES) {
    const end = entries.readBigUInt64LE(at);
    const chunk = `its chunk ${at / DYNAMIC_ENTRY_BYTES}`;
    if (end <= start) throw brokenIndex('dynamic', 'index-order', `${chunk} ends at ${end}, not behind ${start}`);
    if (end - start > MAX_DYNAMIC_CHUNK_BYTES) {
      throw brokenIndex('dynamic', 'index-chunk-size', `${chunk} has ${end - start} bytes, more than 16 MiB`);
    }
    start = end;
  }
  return new DynamicIndex(header, entries);
}

export interface ReadDynamicIndexOptions {
  /** Bound on the bytes of entries held; default 256 MiB. */
  readonly maxEntryBytes?: number;
}

/**
 * Reads an index from a stream of pieces of any size; its length is known only at its end.
 * @throws IntegrityError as {@link parseDynamicIndex}, and `index-too-large`
 */
export async function readDynamicIndexStream(
  stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { maxEntryBytes = DEFAULT_MAX_ENTRY_BYTES }: ReadDynamicIndexOptions = {},
): Promise<DynamicIndex> {
  const limit = INDEX_HEADER_BYTES + maxEntryBytes;
  const received = new GrowingBytes();
  let isHeaderChecked = false;
  for await (const piece of stream) {
    if (received.length + piece.length > limit) {
      throw brokenIndex('dynamic', 'index-too-large', `its entries need more than ${maxEntryBytes} bytes`);
    }
    received.add(piece, limit);
    if (isHeaderChecked || received.length < INDEX_HEADER_BYTES) continue;
    // What is something else is not read to its end.
    parseIndexHeader(received.bytes, 'dynamic');
    isHeaderChecked = true;
  }
  return parseDynamicIndex(received.bytes);
}

export interface DynamicIndexEntry {
  /** Bytes from the start of the stream to the end of the chunk. */
  readonly end: number;
  /** 64 lower-case hex digits. */
  readonly digest: string;
}

export function writeDynamicEntry(bytes: Buffer, at: number, { end, digest }: DynamicIndexEntry): void {
  bytes.writeBigUInt64LE(BigInt(end), at);
  bytes.write(digest, at + 8, 'hex');
}

export interface EncodeDynamicIndexOptions {
  readonly entries: readonly DynamicIndexEntry[];
  /** 32 hex digits; random where absent. */
  readonly uuid?: string;
  /** Unix seconds. */
  readonly ctime: number;
}

/**
 * The bytes of an index file.
 * @throws UsageError `index-arguments` where a chunk is empty or longer than 16 MiB
 */
export function encodeDynamicIndex({
  entries,
  uuid = randomBytes(16).toString('hex'),
  ctime,
}: EncodeDynamicIndexOptions): Uint8Array {
  const bytes = Buffer.alloc(INDEX_HEADER_BYTES + entries.length * DYNAMIC_ENTRY_BYTES);
  let start = 0;
  for (const [slot, { end, digest }] of entries.entries()) {
    if (!Number.isSafeInteger(end) || end <= start || end - start > MAX_DYNAMIC_CHUNK_BYTES) {
      throw new UsageError(`chunk ${slot} cannot be from ${start} to ${end}`, { code: 'index-arguments' });
    }
    writeDynamicEntry(bytes, INDEX_HEADER_BYTES + slot * DYNAMIC_ENTRY_BYTES, { end, digest });
    start = end;
  }
  const csum = hash('sha256', bytes.subarray(INDEX_HEADER_BYTES), 'hex');
  writeIndexHeader(bytes, 'dynamic', { uuid, ctime, csum });
  return bytes;
}
