import { decodeChunk } from '../decode/decode-chunk.ts';
import { freeBytes } from '../memory/free-bytes.ts';
import { DEFAULT_CHUNK_SIZE, MB } from '../model/units.ts';
import type { Primitive } from './primitive.ts';
import { chunksOf, inTurn } from './shared-material.ts';

/** The whole of what a decode thread does for a compressed chunk, by the code that does it in a restore. */
export const chunkVerify: Primitive = {
  what: 'a 2:1 chunk decoded and verified',
  unit: 'bytes',
  unitsPerCall: DEFAULT_CHUNK_SIZE,
  ratio: 2,
  pbsBytesPerSecond: 758 * MB,
  open({ material, index }) {
    const nextChunk = inTurn(chunksOf(material, 2), index);
    return {
      isAsync: false,
      run: () => {
        const { blob, digest } = nextChunk();
        freeBytes(decodeChunk(blob, { digest, length: DEFAULT_CHUNK_SIZE }));
      },
    };
  },
};
