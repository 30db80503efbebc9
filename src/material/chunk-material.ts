import { createCipheriv, createHash, type Cipheriv } from 'node:crypto';

import { KiB, MiB } from '../model/units.ts';
import { SeededRandom } from './seeded-random.ts';

/** Zstd codes literals and sequences anew for each block of this size (RFC 8878, 3.1.1.2), so kinds of data change there. */
const BLOCK_BYTES = 128 * KiB;

/** Twice the window of zstd level 1 and more, so that material that comes round again is not found. */
const STRUCTURED_BYTES = 2 * MiB;

/**
 * Plain bytes per compressed byte of the structured material in long runs at zstd level 1 (measured with zstd 1.5.7).
 * A constant and not measured anew, so that a seed means the same bytes on every machine.
 */
const STRUCTURED_RATIO = 2.475;

/** What the first structured bytes of a chunk cost above that, since there is nothing yet to refer to (measured). */
const COLD_START_BYTES = 1400;

/** A pass of the cipher; small outputs are recycled by the allocator, those of 4 MiB cost a page fault per page. */
const KEYSTREAM_BYTES = 64 * KiB;

/** Makes chunks different from one another even where they hold no random blocks. */
const STAMP_BYTES = 16;

/**
 * Makes the bytes of chunks of a given compression ratio, from a seed. A chunk is a mixture of blocks, as on a real
 * disk: incompressible ones (AES-CTR keystream), structured ones with literals and matches (about 2.4 : 1, which cost
 * a decompressor as much as real files), and zeros. Since zstd compresses blocks one by one, the mixture decides the
 * ratio.
 */
export class ChunkMaterial {
  readonly #key: Buffer;
  readonly #structured: Uint8Array;
  readonly #compressionRatio: number;
  readonly #zeros: Uint8Array = new Uint8Array(KEYSTREAM_BYTES);

  /** @param compressionRatio at least 1 */
  constructor(seed: string, compressionRatio: number) {
    this.#key = createHash('sha256').update(`material ${seed}`).digest().subarray(0, 16);
    this.#structured = compressionRatio === 1 ? new Uint8Array(0) : structuredBytes(this.#key);
    this.#compressionRatio = compressionRatio;
  }

  /** Overwrites all of `chunk` with the content of that number, the same on every call. */
  fillChunk(chunk: Uint8Array, content: number): void {
    const iv = Buffer.alloc(16);
    iv.writeUInt32BE(content, 4);
    const keystream = createCipheriv('aes-128-ctr', this.#key, iv);
    const mixture = this.#mixture(chunk.length);
    const pieces = layOut(mixture, keystream);
    let offset = 0;
    let source = 64 * (pieces.seed % (STRUCTURED_BYTES / 64));
    for (const { kind, length } of pieces.order) {
      const piece = chunk.subarray(offset, offset + length);
      if (kind === 'random') this.#fillRandom(piece, keystream);
      else if (kind === 'structured') source = this.#fillStructured(piece, source);
      else piece.fill(0);
      offset += length;
    }
    if (mixture.random === 0) chunk.set(keystream.update(this.#zeros.subarray(0, Math.min(STAMP_BYTES, chunk.length))));
  }

  /** How many bytes of each kind compress to what the ratio asks for. */
  #mixture(length: number): Readonly<Record<Kind, number>> {
    const compressed = length / this.#compressionRatio;
    if (this.#compressionRatio < STRUCTURED_RATIO) {
      const structuredCost = 1 / STRUCTURED_RATIO;
      const random = Math.round((compressed - length * structuredCost) / (1 - structuredCost));
      return { random, structured: length - random, zeros: 0 };
    }
    const structured = Math.round(Math.max(0, compressed - COLD_START_BYTES) * STRUCTURED_RATIO);
    return { random: 0, structured, zeros: length - structured };
  }

  #fillRandom(piece: Uint8Array, keystream: Cipheriv): void {
    for (let offset = 0; offset < piece.length; offset += KEYSTREAM_BYTES) {
      piece.set(keystream.update(this.#zeros.subarray(0, Math.min(KEYSTREAM_BYTES, piece.length - offset))), offset);
    }
  }

  /** Copies from `source` on, coming round at the end; returns where it stopped. */
  #fillStructured(piece: Uint8Array, source: number): number {
    let from = source;
    for (let offset = 0; offset < piece.length;) {
      const length = Math.min(piece.length - offset, STRUCTURED_BYTES - from);
      piece.set(this.#structured.subarray(from, from + length), offset);
      offset += length;
      from = (from + length) % STRUCTURED_BYTES;
    }
    return from;
  }
}

type Kind = 'random' | 'structured' | 'zeros';

interface Piece {
  readonly kind: Kind;
  readonly length: number;
}

/** Whole blocks of each kind in random order, then what is left of each. */
function layOut(
  bytes: Readonly<Record<Kind, number>>,
  keystream: Cipheriv,
): { readonly order: readonly Piece[]; readonly seed: number } {
  const kinds = ['structured', 'zeros', 'random'] as const;
  const blocks: Piece[] = [];
  const rests: Piece[] = [];
  for (const kind of kinds) {
    for (let left = bytes[kind]; left > 0; left -= BLOCK_BYTES) {
      if (left >= BLOCK_BYTES) blocks.push({ kind, length: BLOCK_BYTES });
      else rests.push({ kind, length: left });
    }
  }
  const draws = keystream.update(new Uint8Array(4 * (blocks.length + 1)));
  for (let last = blocks.length - 1; last > 0; last -= 1) {
    const other = draws.readUInt32LE(4 * last) % (last + 1);
    const piece = blocks[other] as Piece;
    blocks[other] = blocks[last] as Piece;
    blocks[last] = piece;
  }
  return { order: [...blocks, ...rests], seed: draws.readUInt32LE(4 * blocks.length) };
}

/**
 * Bytes shaped like those of programs and records: runs of 2 to 20 literals of uneven frequency, then 8 to 40 bytes
 * that stand up to 8 KiB earlier, nearer ones more often.
 */
function structuredBytes(key: Buffer): Uint8Array {
  const random = new SeededRandom(`structured ${key.toString('hex')}`);
  const bytes = new Uint8Array(STRUCTURED_BYTES);
  let end = 0;
  while (end < bytes.length) {
    const draw = random.next();
    const literals = Math.min(2 + ((draw & 0xffff) % 19), bytes.length - end);
    for (let index = 0; index < literals; index += 1) {
      const pair = random.next();
      bytes[end] = ((pair & 0xff) * ((pair >>> 8) & 0xff)) >>> 8;
      end += 1;
    }
    const length = Math.min(8 + ((draw >>> 16) % 33), bytes.length - end);
    const nearness = random.below(1024) / 1024;
    const distance = Math.min(end, 64 + Math.floor(nearness * nearness * 8192));
    for (let index = 0; index < length; index += 1) {
      bytes[end] = bytes[end - distance] ?? 0;
      end += 1;
    }
  }
  return bytes;
}
