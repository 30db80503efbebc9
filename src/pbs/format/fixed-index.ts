import { createHash, hash, randomBytes } from 'node:crypto';

import { UsageError, type IntegrityError } from '../../model/errors.ts';
import type { Image, Slot } from '../../model/image.ts';
import { MAX_BLOB_PLAIN_BYTES } from './blob.ts';
import type { CryptConfig } from './crypt-config.ts';
import { DIGEST_BYTES, zeroChunkDigest } from './digest.ts';
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

/** What the header of a fixed index says. */
export interface FixedIndexHeader extends IndexHeader {
  /** Bytes of the image. */
  readonly size: number;
  /** Bytes; a power of two. */
  readonly chunkSize: number;
  /** Digests that follow: `ceil(size / chunkSize)`. */
  readonly slotCount: number;
}

export interface FixedIndexOptions {
  /** Of an encrypted image: chunks of zeros have another digest under each key, and are not known without it. */
  readonly crypt?: CryptConfig;
}

/** A fixed index: which chunks an image is made of. Holds the digests as they are in the file, 8 MiB per TiB. */
export class FixedIndex implements Image {
  readonly kind = 'fixed';
  readonly size: number;
  readonly chunkSize: number;
  readonly slotCount: number;
  readonly uuid: string;
  readonly ctime: number;
  /** SHA-256 over all digests: the header's, which whoever made this has found to be that of the digests. */
  readonly csum: string;
  readonly #digests: Buffer;
  readonly #zeroDigest: string;

  /** @param digests 32 bytes for each slot; kept, not copied */
  constructor(header: FixedIndexHeader, digests: Uint8Array, { crypt }: FixedIndexOptions = {}) {
    this.size = header.size;
    this.chunkSize = header.chunkSize;
    this.slotCount = header.slotCount;
    this.uuid = header.uuid;
    this.ctime = header.ctime;
    this.csum = header.csum;
    this.#digests = Buffer.from(digests.buffer, digests.byteOffset, digests.byteLength);
    this.#zeroDigest = zeroChunkDigest(header.chunkSize, crypt);
  }

  /** @throws RangeError outside of the index */
  digestAt(slot: number): string {
    if (!Number.isInteger(slot) || slot < 0 || slot >= this.slotCount) {
      throw new RangeError(`slot ${slot} of ${this.slotCount}`);
    }
    return this.#digests.toString('hex', slot * DIGEST_BYTES, (slot + 1) * DIGEST_BYTES);
  }

  *slots(): Generator<Slot, void, undefined> {
    for (let index = 0; index < this.slotCount; index += 1) {
      const offset = index * this.chunkSize;
      const length = Math.min(this.chunkSize, this.size - offset);
      const digest = this.digestAt(index);
      // A short tail that claims the digest of a full chunk is damage, which only its decoder can show.
      yield { index, offset, length, digest, isZero: digest === this.#zeroDigest && length === this.chunkSize };
    }
  }
}

/**
 * Reads a whole index file; keeps its memory.
 * @throws IntegrityError `index-magic`, `index-truncated`, `index-length`, `index-chunk-size`, `index-size`,
 * `index-empty`, `index-csum`
 */
export function parseFixedIndex(bytes: Uint8Array, options: FixedIndexOptions = {}): FixedIndex {
  const header = parseFixedIndexHeader(bytes);
  const expectedBytes = INDEX_HEADER_BYTES + header.slotCount * DIGEST_BYTES;
  if (bytes.length !== expectedBytes) throw wrongLength(bytes.length, expectedBytes);
  const digests = bytes.subarray(INDEX_HEADER_BYTES);
  verifyIndexCsum('fixed', header, hash('sha256', digests, 'hex'));
  return new FixedIndex(header, digests, options);
}

/**
 * Reads and checks the first 4096 bytes of an index file.
 * @throws IntegrityError as {@link parseFixedIndex}
 */
export function parseFixedIndexHeader(bytes: Uint8Array): FixedIndexHeader {
  const common = parseIndexHeader(bytes, 'fixed');
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, INDEX_HEADER_BYTES);
  const size = header.readBigUInt64LE(64);
  const chunkSize = header.readBigUInt64LE(72);
  // No chunk is longer than a blob; without this bound the digest of a zero chunk could cost any amount of time.
  if (chunkSize === 0n || (chunkSize & (chunkSize - 1n)) !== 0n || chunkSize > BigInt(MAX_BLOB_PLAIN_BYTES)) {
    throw broken(
      'index-chunk-size',
      `its chunk size is ${chunkSize}, not a power of two up to ${MAX_BLOB_PLAIN_BYTES}`,
    );
  }
  if (size === 0n) throw broken('index-empty', 'it has no chunks');
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw broken('index-size', `its image would have ${size} bytes`);
  return {
    ...common,
    size: Number(size),
    chunkSize: Number(chunkSize),
    slotCount: Math.ceil(Number(size) / Number(chunkSize)),
  };
}

export interface ReadFixedIndexOptions extends FixedIndexOptions {
  /** Bound on the bytes of digests held; default 256 MiB, the index of 32 TiB. */
  readonly maxDigestBytes?: number;
}

/**
 * Reads an index from a stream of pieces of any size, such as a file or a download; holds the digests and one piece.
 * @throws IntegrityError as {@link parseFixedIndex}, and `index-too-large`
 */
export async function readFixedIndexStream(
  stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { maxDigestBytes = DEFAULT_MAX_ENTRY_BYTES, ...options }: ReadFixedIndexOptions = {},
): Promise<FixedIndex> {
  const headerBytes = Buffer.alloc(INDEX_HEADER_BYTES);
  let header: FixedIndexHeader | undefined;
  const digests = new GrowingBytes();
  let digestBytes = 0;
  let received = 0;
  const csum = createHash('sha256');
  for await (let piece of stream) {
    if (header === undefined) {
      const part = piece.subarray(0, INDEX_HEADER_BYTES - received);
      headerBytes.set(part, received);
      received += part.length;
      if (received < INDEX_HEADER_BYTES) continue;
      piece = piece.subarray(part.length);
      header = parseFixedIndexHeader(headerBytes);
      digestBytes = header.slotCount * DIGEST_BYTES;
      if (digestBytes > maxDigestBytes) {
        throw broken('index-too-large', `its ${header.slotCount} digests need more than ${maxDigestBytes} bytes`);
      }
    }
    if (digests.length + piece.length > digestBytes) {
      throw wrongLength(received + piece.length, INDEX_HEADER_BYTES + digestBytes, 'at least ');
    }
    digests.add(piece, digestBytes);
    csum.update(piece);
    received += piece.length;
  }
  if (header === undefined) return parseFixedIndex(headerBytes.subarray(0, received), options);
  if (received !== INDEX_HEADER_BYTES + digestBytes) throw wrongLength(received, INDEX_HEADER_BYTES + digestBytes);
  verifyIndexCsum('fixed', header, csum.digest('hex'));
  return new FixedIndex(header, digests.bytes, options);
}

export interface EncodeFixedIndexOptions {
  /** Bytes of the image, at least 1. */
  readonly size: number;
  /** A power of two. */
  readonly chunkSize: number;
  /** 32 bytes for each slot. */
  readonly digests: Uint8Array;
  /** 32 hex digits; random where absent. */
  readonly uuid?: string;
  /** Unix seconds. */
  readonly ctime: number;
}

/**
 * The bytes of an index file.
 * @throws UsageError `index-arguments` when the digests do not fit the size
 */
export function encodeFixedIndex({
  size,
  chunkSize,
  digests,
  uuid = randomBytes(16).toString('hex'),
  ctime,
}: EncodeFixedIndexOptions): Uint8Array {
  if (size < 1 || !Number.isSafeInteger(size) || digests.length !== Math.ceil(size / chunkSize) * DIGEST_BYTES) {
    throw new UsageError(`${digests.length} bytes of digests do not make an image of ${size} bytes`, {
      code: 'index-arguments',
    });
  }
  const bytes = Buffer.alloc(INDEX_HEADER_BYTES + digests.length);
  writeFixedIndexHeader(bytes, { size, chunkSize, uuid, ctime, csum: hash('sha256', digests, 'hex') });
  bytes.set(digests, INDEX_HEADER_BYTES);
  return bytes;
}

/** Writes the first 80 bytes of an index file; what follows in its header is zero. */
export function writeFixedIndexHeader(bytes: Buffer, header: Omit<FixedIndexHeader, 'slotCount'>): void {
  writeIndexHeader(bytes, 'fixed', header);
  bytes.writeBigUInt64LE(BigInt(header.size), 64);
  bytes.writeBigUInt64LE(BigInt(header.chunkSize), 72);
}

const wrongLength = (bytes: number, expectedBytes: number, bound = ''): IntegrityError =>
  broken('index-length', `it has ${bound}${bytes} bytes, by its header it should have ${expectedBytes}`);

const broken = (code: string, what: string): IntegrityError => brokenIndex('fixed', code, what);
