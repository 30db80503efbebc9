import type { ChunkRecipe } from '../material/chunk-recipe.ts';
import type { ImageFacts } from '../model/records.ts';

/** A synthetic image in a datastore; the datastore stays until this is disposed or the process ends. */
export interface Workload extends Disposable {
  /** Absolute path of the datastore. */
  readonly path: string;
  /** The newest backup, `vm/100/...`. */
  readonly snapshot: string;
  readonly archive: string;
  readonly facts: ImageFacts;
  /** Of chunks that are not in the datastore but made by the server. */
  readonly recipe?: ChunkRecipe;
  /** CRC-32 of the plain bytes of each slot. */
  readonly slotChecksums: Uint32Array;
}

export const WORKLOAD_ARCHIVE = 'drive-scsi0.img.fidx';
