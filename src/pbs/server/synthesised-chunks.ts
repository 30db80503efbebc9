import { setImmediate as nextTurn } from 'node:timers/promises';

import { ChunkMaker, type ChunkRecipe } from '../../material/chunk-recipe.ts';
import type { EmulatedStorage } from '../../storage/emulated-storage.ts';
import { encodeBlob } from '../format/blob.ts';
import { chunkDigest } from '../format/digest.ts';
import type { ChunkBody, ChunkReader } from './chunk-reader.ts';
import { Refusal } from './refusal.ts';

/** Encoded chunks by digest, kept in memory and sent from there any number of times. */
export type ChunkPool = ReadonlyMap<string, Uint8Array>;

/** Makes the chunks of a recipe, some 20 ms each; other work goes on between two of them. */
export async function synthesiseChunks(recipe: ChunkRecipe): Promise<ChunkPool> {
  const maker = new ChunkMaker(recipe);
  const pool = new Map<string, Uint8Array>();
  for (const { digest, content, length } of recipe.chunks) {
    await nextTurn();
    const plain = new Uint8Array(length);
    maker.make(plain, content);
    const made = chunkDigest(plain);
    if (made !== digest) throw new Error(`the recipe of chunk ${digest} makes ${made}`);
    pool.set(digest, encodeBlob(plain, { compress: maker.isCompressible(content) }));
  }
  return pool;
}

/** Chunks of a pool through the emulated disk. Their memory is never given back: other responses send it too. */
export class SynthesisedChunks implements ChunkReader {
  readonly #pool: ChunkPool;
  readonly #storage: EmulatedStorage;

  constructor(pool: ChunkPool, storage: EmulatedStorage) {
    this.#pool = pool;
    this.#storage = storage;
  }

  async read(digest: string, signal: AbortSignal): Promise<ChunkBody> {
    const blob = this.#pool.get(digest);
    if (blob === undefined) throw new Refusal(400, `chunk ${digest} is not among the synthesised ones`);
    const body = await this.#storage.read(() => Promise.resolve(blob), signal);
    return { body };
  }
}
