import { DEFAULT_CHUNK_SIZE } from '../../../src/model/units.ts';
import { ChunkMaterial } from '../../../src/material/chunk-material.ts';

/** Together 64 MiB: more than the caches of most processors hold, so that no end works on hot bytes only. */
export const POOL_CHUNKS = 16;

/** The chunks that all senders send in turn: 4 MiB each, as compressible as asked. */
export function payloadChunks(compressionRatio: number): readonly Uint8Array<ArrayBuffer>[] {
  const material = new ChunkMaterial('bench', compressionRatio);
  return Array.from({ length: POOL_CHUNKS }, (_, number) => {
    const chunk = new Uint8Array(DEFAULT_CHUNK_SIZE);
    material.fillChunk(chunk, number + 1);
    return chunk;
  });
}
