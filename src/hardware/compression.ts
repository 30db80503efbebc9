import { freeBytes } from '../memory/free-bytes.ts';
import { DEFAULT_CHUNK_SIZE, MB } from '../model/units.ts';
import { compressZstd, decompressZstd } from '../pbs/format/zstd.ts';
import type { Primitive } from './primitive.ts';
import { chunksOf, inTurn, type MeasuredRatio } from './shared-material.ts';

/** The data of PBS's own benchmark compress well; the middle ratio is the nearest of ours. */
const RATIO_OF_PBS = 2;

/** Rates of both are of plain bytes, as everywhere in a restore. */
export function zstdDecompress(ratio: MeasuredRatio): Primitive {
  return {
    what: `zstd decompression, ${ratio}:1`,
    unit: 'bytes',
    unitsPerCall: DEFAULT_CHUNK_SIZE,
    ratio,
    ...(ratio === RATIO_OF_PBS ? { pbsBytesPerSecond: 1198 * MB } : {}),
    open({ material, index }) {
      const nextChunk = inTurn(chunksOf(material, ratio), index);
      return { isAsync: false, run: () => freeBytes(decompressZstd(nextChunk().frame, DEFAULT_CHUNK_SIZE)) };
    },
  };
}

export function zstdCompress(ratio: MeasuredRatio): Primitive {
  return {
    what: `zstd compression, ${ratio}:1`,
    unit: 'bytes',
    unitsPerCall: DEFAULT_CHUNK_SIZE,
    ratio,
    ...(ratio === RATIO_OF_PBS ? { pbsBytesPerSecond: 752 * MB } : {}),
    open({ material, index }) {
      const nextChunk = inTurn(chunksOf(material, ratio), index);
      return { isAsync: false, run: () => freeBytes(compressZstd(nextChunk().plain)) };
    },
  };
}
