import { ChunkMaterial } from './chunk-material.ts';

/** Number of the content that is all zeros. */
export const ZERO_CONTENT = 0;

/** Chunks that can be made anew from a few numbers, instead of being kept. */
export interface ChunkRecipe {
  readonly seed: string;
  /** Plain bytes per compressed byte, at least 1. */
  readonly compressionRatio: number;
  readonly chunks: readonly RecipeChunk[];
}

export interface RecipeChunk {
  /** SHA-256 of the plain bytes, 64 hex digits. */
  readonly digest: string;
  /** Number of its content. */
  readonly content: number;
  /** Plain bytes. */
  readonly length: number;
}

/** Makes the plain bytes of one chunk after another, the same for the same recipe. */
export class ChunkMaker {
  readonly #material: ChunkMaterial;
  readonly #compressionRatio: number;

  constructor({ seed, compressionRatio }: Pick<ChunkRecipe, 'seed' | 'compressionRatio'>) {
    this.#material = new ChunkMaterial(seed, compressionRatio);
    this.#compressionRatio = compressionRatio;
  }

  /** Overwrites all of `chunk`. */
  make(chunk: Uint8Array, content: number): void {
    if (content === ZERO_CONTENT) chunk.fill(0);
    else this.#material.fillChunk(chunk, content);
  }

  /** Whether zstd can make it smaller: a keystream it cannot, and PBS would keep such a chunk as it is. */
  isCompressible(content: number): boolean {
    return content === ZERO_CONTENT || this.#compressionRatio > 1;
  }
}
