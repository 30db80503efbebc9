import { createHash, hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';

import type { ChunkOrigin, HistorySettings, ImageSettings } from '../model/environment.ts';
import type { ImageFacts } from '../model/records.ts';
import { DEFAULT_CHUNK_SIZE } from '../model/units.ts';
import { DatastoreWriter } from '../pbs/datastore/datastore-writer.ts';
import { encodeBlob, encodeBlobParts } from '../pbs/format/blob.ts';
import { chunkDigest, DIGEST_BYTES } from '../pbs/format/digest.ts';
import { encodeFixedIndex } from '../pbs/format/fixed-index.ts';
import { formatSnapshotPath, type SnapshotPath } from '../pbs/format/snapshot-path.ts';
import { ChunkMaker, ZERO_CONTENT, type ChunkRecipe, type RecipeChunk } from '../material/chunk-recipe.ts';
import { planImage, planRepeatingImage, type ImagePlan } from './image-plan.ts';
import { vmConfiguration } from './vm-configuration.ts';
import { WORKLOAD_ARCHIVE } from './workload.ts';

export interface Progress {
  /** Bytes of the image that are done. */
  readonly bytes: number;
  readonly totalBytes: number;
}

export interface GenerateOptions {
  /** Absolute path; created. */
  readonly path: string;
  readonly image: ImageSettings;
  readonly history: HistorySettings;
  /** `synthesised`: chunks are not written but described, and there are only a few that repeat; no history then. */
  readonly chunks: ChunkOrigin;
  readonly onProgress?: (done: Progress) => void;
  readonly signal: AbortSignal;
}

export interface GeneratedImage {
  readonly facts: ImageFacts;
  readonly slotChecksums: Uint32Array;
  /** Of chunks that were not written. */
  readonly recipe?: ChunkRecipe;
}

const GROUP = { type: 'vm', id: '100' } as const;
const OWNER = 'root@pam';

/**
 * Distinct chunks of a synthesised image, 128 MiB: several times what the caches of a processor hold, and little enough
 * to be kept in memory.
 */
const SYNTHESISED_CHUNKS = 32;

/** 2026-01-31T02:00:00Z, the time of the newest backup; earlier ones are a day apart. */
const NEWEST_BACKUP_TIME = 1_769_824_800;
const DAY_SECONDS = 86_400;

/**
 * Makes an image and its history of backups, and writes them as a datastore. One chunk is in memory at a time, and
 * each content is made once; only repeats of the newest image are made again, to hash the image. Of synthesised chunks
 * none is written, and the image is not hashed: it may be larger than anybody wants to wait for.
 * @throws UsageError `workload-settings`; the signal's reason; system errors as they are
 */
export async function generateDatastore(options: GenerateOptions): Promise<GeneratedImage> {
  return await new Generator(options).run();
}

class Generator {
  readonly #options: GenerateOptions;
  readonly #plan: ImagePlan;
  readonly #maker: ChunkMaker;
  readonly #writer: DatastoreWriter;
  readonly #chunk: Uint8Array = new Uint8Array(DEFAULT_CHUNK_SIZE);
  readonly #zeroChunk: Uint8Array = new Uint8Array(DEFAULT_CHUNK_SIZE);
  readonly #made: RecipeChunk[] = [];
  /** By content; an encoded length of 0 means that it is not written yet. */
  readonly #digests: Uint8Array;
  readonly #checksums: Uint32Array;
  readonly #encodedBytes: Uint32Array;

  constructor(options: GenerateOptions) {
    const { image, history, chunks, path } = options;
    this.#options = options;
    this.#plan =
      chunks === 'synthesised'
        ? planRepeatingImage(image, DEFAULT_CHUNK_SIZE, SYNTHESISED_CHUNKS)
        : planImage(image, history, DEFAULT_CHUNK_SIZE);
    this.#maker = new ChunkMaker(image);
    this.#writer = new DatastoreWriter(path);
    const contents = this.#plan.firstBackups.length;
    this.#digests = new Uint8Array(contents * DIGEST_BYTES);
    this.#checksums = new Uint32Array(contents);
    this.#encodedBytes = new Uint32Array(contents);
  }

  async run(): Promise<GeneratedImage> {
    const isSynthesised = this.#options.chunks === 'synthesised';
    const sha256 = isSynthesised ? await this.#describeChunks() : await this.#writeChunks();
    for (const [backup, contents] of this.#plan.backups.entries()) this.#writeSnapshot(backup, contents);
    const newest = this.#plan.backups.at(-1) ?? new Uint32Array();
    const { seed, compressionRatio } = this.#options.image;
    return {
      facts: this.#facts(newest, sha256),
      slotChecksums: newest.map((content) => this.#checksums[content] ?? 0),
      ...(isSynthesised ? { recipe: { seed, compressionRatio, chunks: this.#made } } : {}),
    };
  }

  async #describeChunks(): Promise<undefined> {
    const { onProgress, signal, image } = this.#options;
    for (const contents of this.#plan.backups) {
      for (const [slot, content] of contents.entries()) {
        if (this.#encodedBytes[content] !== 0) continue;
        await nextTurn();
        signal.throwIfAborted();
        this.#writeChunk(content, this.#make(content, slot));
      }
    }
    onProgress?.({ bytes: image.sizeBytes, totalBytes: image.sizeBytes });
  }

  /** Slot by slot through all backups; returns the SHA-256 of the newest image. */
  async #writeChunks(): Promise<string> {
    const { backups, slotCount } = this.#plan;
    const { onProgress, signal, image } = this.#options;
    const imageHash = createHash('sha256');
    for (let slot = 0; slot < slotCount; slot += 1) {
      // Between chunks the event loop must turn, or nobody could interrupt.
      await nextTurn();
      signal.throwIfAborted();
      let plain: Uint8Array = this.#zeroChunk;
      let held = ZERO_CONTENT;
      for (const [backup, contents] of backups.entries()) {
        const content = contents[slot] ?? ZERO_CONTENT;
        const isNew = this.#encodedBytes[content] === 0;
        if (!isNew && backup < backups.length - 1) continue;
        if (isNew || content !== held) plain = this.#make(content, slot);
        held = content;
        if (isNew) this.#writeChunk(content, plain);
      }
      imageHash.update(plain);
      onProgress?.({ bytes: Math.min((slot + 1) * DEFAULT_CHUNK_SIZE, image.sizeBytes), totalBytes: image.sizeBytes });
    }
    return imageHash.digest('hex');
  }

  #make(content: number, slot: number): Uint8Array {
    if (content === ZERO_CONTENT) return this.#zeroChunk;
    const chunk = this.#chunk.subarray(0, this.#slotBytes(slot));
    this.#maker.make(chunk, content);
    return chunk;
  }

  #writeChunk(content: number, plain: Uint8Array): void {
    const digest = chunkDigest(plain);
    const checksum = crc32(plain);
    const parts = encodeBlobParts(plain, { compress: this.#maker.isCompressible(content), plainCrc: checksum });
    if (this.#options.chunks === 'synthesised') this.#made.push({ digest, content, length: plain.length });
    else
      this.#writer.writeChunk(digest, parts, { modifiedAt: this.#backupTime(this.#plan.firstBackups[content] ?? 0) });
    this.#digests.set(Buffer.from(digest, 'hex'), content * DIGEST_BYTES);
    this.#checksums[content] = checksum;
    this.#encodedBytes[content] = parts.header.length + parts.payload.length;
  }

  #writeSnapshot(backup: number, contents: Uint32Array): void {
    const { sizeBytes } = this.#options.image;
    const snapshot = this.#snapshot(backup);
    const digests = new Uint8Array(contents.length * DIGEST_BYTES);
    for (const [slot, content] of contents.entries()) {
      digests.set(this.#digests.subarray(content * DIGEST_BYTES, (content + 1) * DIGEST_BYTES), slot * DIGEST_BYTES);
    }
    const csum = hash('sha256', digests, 'hex');
    const index = encodeFixedIndex({
      size: sizeBytes,
      chunkSize: DEFAULT_CHUNK_SIZE,
      digests,
      // Not random: the same settings make the same files.
      uuid: hash('sha256', `uuid ${csum} ${snapshot.time}`, 'hex').slice(0, 32),
      ctime: snapshot.time,
    });
    const configuration = encodeBlob(Buffer.from(vmConfiguration(sizeBytes)));
    this.#writer.createGroup(GROUP, OWNER);
    this.#writer.createSnapshot(snapshot);
    this.#writer.writeArchive(snapshot, WORKLOAD_ARCHIVE, index);
    this.#writer.writeArchive(snapshot, 'qemu-server.conf.blob', configuration);
    this.#writer.writeManifest({
      snapshot,
      files: [
        {
          filename: 'qemu-server.conf.blob',
          cryptMode: 'none',
          size: configuration.length,
          csum: hash('sha256', configuration, 'hex'),
        },
        { filename: WORKLOAD_ARCHIVE, cryptMode: 'none', size: sizeBytes, csum },
      ],
      unprotected: {},
    });
  }

  #facts(newest: Uint32Array, sha256: string | undefined): ImageFacts {
    const distinct = new Set<number>();
    let zeroChunkCount = 0;
    let dataBytes = 0;
    let uniqueBytes = 0;
    let storedBytes = 0;
    for (const [slot, content] of newest.entries()) {
      if (content === ZERO_CONTENT) {
        zeroChunkCount += 1;
        continue;
      }
      dataBytes += this.#slotBytes(slot);
      if (distinct.has(content)) continue;
      distinct.add(content);
      uniqueBytes += this.#slotBytes(slot);
      storedBytes += this.#encodedBytes[content] ?? 0;
    }
    return {
      sizeBytes: this.#options.image.sizeBytes,
      chunkSizeBytes: DEFAULT_CHUNK_SIZE,
      chunkCount: newest.length,
      zeroChunkCount,
      uniqueChunkCount: distinct.size,
      dataBytes,
      uniqueBytes,
      storedBytes,
      ...(this.#options.chunks === 'synthesised' ? { chunks: this.#options.chunks } : {}),
      ...(sha256 === undefined ? {} : { sha256 }),
      snapshot: formatSnapshotPath(this.#snapshot(this.#plan.backups.length - 1)),
      archive: WORKLOAD_ARCHIVE,
    };
  }

  #slotBytes(slot: number): number {
    return slot === this.#plan.slotCount - 1 ? this.#plan.lastSlotBytes : DEFAULT_CHUNK_SIZE;
  }

  #snapshot(backup: number): SnapshotPath {
    return { ...GROUP, time: this.#backupTime(backup) };
  }

  #backupTime(backup: number): number {
    return NEWEST_BACKUP_TIME - (this.#plan.backups.length - 1 - backup) * DAY_SECONDS;
  }
}
