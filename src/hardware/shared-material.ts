import { DEFAULT_CHUNK_SIZE, KiB } from '../model/units.ts';
import { encodeBlob } from '../pbs/format/blob.ts';
import { chunkDigest } from '../pbs/format/digest.ts';
import { compressZstd } from '../pbs/format/zstd.ts';
import { ChunkMaterial } from '../material/chunk-material.ts';

/** Plain bytes per compressed byte of the material that zstd is measured with. */
export const measuredRatios = [1, 2, 10] as const;
export type MeasuredRatio = (typeof measuredRatios)[number];

/** As many as a restore with its usual window holds: more than the caches of a core, as there. */
const SLABS = 16;

/** Different chunks of each ratio, so that no branch predictor learns one by heart. */
const CHUNKS_PER_RATIO = 4;

/** Node hands decrypted bytes over in pieces of at most one TLS record (RFC 8446, 5.1: 2^14 bytes). */
export const RECORD_BYTES: number = 16 * KiB;

/** A chunk of a known ratio; all of it in shared memory. */
export interface MaterialChunk {
  readonly plain: Uint8Array;
  /** A zstd frame also where a datastore would hold the plain bytes, since these are shorter. */
  readonly frame: Uint8Array;
  /** The whole blob as a datastore holds it. */
  readonly blob: Uint8Array;
  /** SHA-256 of `plain`, hex. */
  readonly digest: string;
}

/** What the work is done on: made once, used by all threads of the measuring process. */
export interface SharedMaterial {
  /** Buffers of 4 MiB with incompressible bytes, which work may overwrite. */
  readonly slabs: readonly Uint8Array[];
  /** Of the ratios that were asked for. */
  readonly chunks: ReadonlyMap<MeasuredRatio, readonly MaterialChunk[]>;
}

/** Takes up to half a second, most of it for compressing the chunks. */
export function makeSharedMaterial(ratios: readonly MeasuredRatio[]): SharedMaterial {
  const incompressible = new ChunkMaterial('hardware', 1);
  const slabs = Array.from({ length: SLABS }, (_, index) => {
    const slab = sharedBytes(DEFAULT_CHUNK_SIZE);
    incompressible.fillChunk(slab, index);
    return slab;
  });
  return { slabs, chunks: new Map(ratios.map((ratio) => [ratio, makeChunks(ratio)])) };
}

function makeChunks(ratio: MeasuredRatio): readonly MaterialChunk[] {
  const material = new ChunkMaterial('hardware', ratio);
  return Array.from({ length: CHUNKS_PER_RATIO }, (_, index) => {
    const plain = sharedBytes(DEFAULT_CHUNK_SIZE);
    material.fillChunk(plain, index);
    return {
      plain,
      frame: sharedCopy(compressZstd(plain)),
      blob: sharedCopy(encodeBlob(plain)),
      digest: chunkDigest(plain),
    };
  });
}

const sharedBytes = (length: number): Uint8Array => new Uint8Array(new SharedArrayBuffer(length));

function sharedCopy(bytes: Uint8Array): Uint8Array {
  const copy = sharedBytes(bytes.length);
  copy.set(bytes);
  return copy;
}

/** @throws Error where the material was made without this ratio */
export function chunksOf({ chunks }: SharedMaterial, ratio: MeasuredRatio): readonly MaterialChunk[] {
  const found = chunks.get(ratio);
  if (found === undefined) throw new Error(`there are no chunks of ${ratio}:1`);
  return found;
}

/** Takes the elements in turn, for ever; threads start at different ones. */
export function inTurn<Element>(elements: readonly Element[], start: number): () => Element {
  let next = start;
  return () => elements[next++ % elements.length] as Element;
}
