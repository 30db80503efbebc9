import { freeBytes } from '../decode/held-chunk.ts';
import { DEFAULT_CHUNK_SIZE, MB } from '../model/units.ts';
import { compressZstd, decompressZstd } from '../pbs/format/zstd.ts';
import type { Primitive } from './primitive.ts';
import { inTurn, type MeasuredRatio } from './shared-material.ts';

/** The data of PBS's own benchmark compress well; the middle ratio is the nearest of ours. */
const RATIO_OF_PBS = 2;

/** Rates of both are of plain bytes, as everywhere in a restore. */
export function zstdDecompress<Ratio extends MeasuredRatio>(ratio: Ratio): Primitive<`zstd-decompress-${Ratio}`> {
  return {
    name: `zstd-decompress-${ratio}`,
    what: `zstd decompression, ${ratio}:1`,
    unit: 'bytes',
    unitsPerCall: DEFAULT_CHUNK_SIZE,
    ...(ratio === RATIO_OF_PBS ? { pbsBytesPerSecond: 1198 * MB } : {}),
    open({ material, index }) {
      const nextChunk = inTurn(material.chunks[ratio], index);
      return { isAsync: false, run: () => freeBytes(decompressZstd(nextChunk().frame, DEFAULT_CHUNK_SIZE)) };
    },
  };
}

export function zstdCompress<Ratio extends MeasuredRatio>(ratio: Ratio): Primitive<`zstd-compress-${Ratio}`> {
  return {
    name: `zstd-compress-${ratio}`,
    what: `zstd compression, ${ratio}:1`,
    unit: 'bytes',
    unitsPerCall: DEFAULT_CHUNK_SIZE,
    ...(ratio === RATIO_OF_PBS ? { pbsBytesPerSecond: 752 * MB } : {}),
    open({ material, index }) {
      const nextChunk = inTurn(material.chunks[ratio], index);
      return { isAsync: false, run: () => freeBytes(compressZstd(nextChunk().plain)) };
    },
  };
}
