import { ChunkMaker, ZERO_CONTENT } from '../material/chunk-recipe.ts';
import type { HistorySettings, ImageSettings } from '../model/environment.ts';
import { DEFAULT_CHUNK_SIZE } from '../model/units.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import { chunkDigest, zeroChunkDigest } from '../pbs/format/digest.ts';
import { planImage, type ImagePlan } from './image-plan.ts';

/** One chunk of a synthetic image. */
export interface SyntheticChunk {
  /** 64 hex digits; under a key the keyed one. */
  readonly digest: string;
  readonly isCompressible: boolean;
  /** Plain bytes; valid until another chunk is asked for. */
  readonly plain: () => Uint8Array;
}

/** One backup of a synthetic image. */
export interface SyntheticBackup {
  readonly sizeBytes: number;
  readonly slotCount: number;
  readonly chunk: (slot: number) => SyntheticChunk;
}

/**
 * A synthetic image and its backups, chunk by chunk and without a datastore: the same images as `generateDatastore` writes.
 * A content is made only to learn its digest, once, and where its bytes are asked for.
 */
export class SyntheticHistory {
  readonly #sizeBytes: number;
  readonly #plan: ImagePlan;
  readonly #maker: ChunkMaker;
  readonly #crypt: CryptConfig | undefined;
  readonly #digests: Map<number, string> = new Map();
  readonly #memory: Uint8Array = new Uint8Array(DEFAULT_CHUNK_SIZE);
  /** Which content the memory holds. */
  #held: number | undefined;

  /** @throws UsageError `workload-settings` */
  constructor(image: ImageSettings, history: HistorySettings, crypt?: CryptConfig) {
    this.#sizeBytes = image.sizeBytes;
    this.#plan = planImage(image, history, DEFAULT_CHUNK_SIZE);
    this.#maker = new ChunkMaker(image);
    this.#crypt = crypt;
    // Only a full chunk of zeros is one, so that nothing need be made for it.
    this.#digests.set(ZERO_CONTENT, zeroChunkDigest(DEFAULT_CHUNK_SIZE, crypt));
  }

  /** @param backup counts from 0, the full one */
  backup(backup: number): SyntheticBackup {
    const contents = this.#contents(backup);
    return {
      sizeBytes: this.#sizeBytes,
      slotCount: contents.length,
      chunk: (slot) => this.#chunk(contents, slot),
    };
  }

  /**
   * Takes the digests of a backup from its index, so that nothing of it need be made again. Does nothing, and says so, where
   * they cannot be those of this image: it holds up a content that was made for the purpose against them.
   */
  learn(backup: number, digestAt: (slot: number) => string): boolean {
    const contents = this.#contents(backup);
    const learned = new Map(this.#digests);
    for (const [slot, content] of contents.entries()) {
      const digest = digestAt(slot);
      if ((learned.get(content) ?? digest) !== digest) return false;
      learned.set(content, digest);
    }
    const sample = contents.findLastIndex((content) => content !== ZERO_CONTENT);
    if (sample >= 0 && chunkDigest(this.#make(contents, sample), this.#crypt) !== digestAt(sample)) return false;
    for (const [content, digest] of learned) this.#digests.set(content, digest);
    return true;
  }

  #contents(backup: number): Uint32Array {
    const contents = this.#plan.backups[backup];
    if (contents === undefined) throw new RangeError(`backup ${backup} of ${this.#plan.backups.length}`);
    return contents;
  }

  #chunk(contents: Uint32Array, slot: number): SyntheticChunk {
    const content = contents[slot] ?? ZERO_CONTENT;
    const plain = (): Uint8Array => this.#make(contents, slot);
    const digest = this.#digests.get(content) ?? chunkDigest(plain(), this.#crypt);
    this.#digests.set(content, digest);
    return { digest, isCompressible: this.#maker.isCompressible(content), plain };
  }

  #make(contents: Uint32Array, slot: number): Uint8Array {
    const { slotCount, lastSlotBytes } = this.#plan;
    const bytes = this.#memory.subarray(0, slot === slotCount - 1 ? lastSlotBytes : DEFAULT_CHUNK_SIZE);
    const content = contents[slot] ?? ZERO_CONTENT;
    if (this.#held !== content) this.#maker.make(bytes, content);
    this.#held = content;
    return bytes;
  }
}
