import { hash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Cache } from '../cache/cache.ts';
import type { ChunkRecipe } from '../material/chunk-recipe.ts';
import type { ChunkOrigin, HistorySettings, ImageSettings } from '../model/environment.ts';
import { IntegrityError } from '../model/errors.ts';
import type { ImageFacts } from '../model/records.ts';
import { DEFAULT_CHUNK_SIZE, MiB } from '../model/units.ts';
import { generateDatastore, type Progress } from './generate-datastore.ts';
import { planImage } from './image-plan.ts';
import type { Workload } from './workload.ts';

/** Part of the name in the cache: to be raised whenever the same settings would make other bytes. */
const GENERATOR_VERSION = 1;

/** Index, manifest and configuration of one backup without its digests, rounded up. */
const SNAPSHOT_BYTES = 0.1 * MiB;

export interface EnsureDatastoreOptions {
  readonly image: ImageSettings;
  readonly history: HistorySettings;
  readonly chunks: ChunkOrigin;
  readonly cache: Cache;
  readonly onProgress?: (done: Progress) => void;
  readonly signal: AbortSignal;
}

/** What stands beside the datastore. */
interface Sidecar {
  readonly facts: ImageFacts;
  readonly recipe?: ChunkRecipe;
}

/**
 * The datastore of a synthetic image with its backups, from the cache or made now. Two that make the same at once both
 * get a whole one.
 * @throws UsageError `workload-settings`; MachineError where the cache cannot be written; the signal's reason, and then
 * nothing is left behind
 */
export async function ensureDatastore({
  image,
  history,
  chunks,
  cache,
  onProgress,
  signal,
}: EnsureDatastoreOptions): Promise<Workload> {
  signal.throwIfAborted();
  const lease = await cache.acquire({
    name: chunks === 'files' ? entryName(image, history) : synthesisedName(image),
    expectedBytes: chunks === 'files' ? expectedBytes(image, history) : snapshotBytes(image.sizeBytes),
    build: async (folder) => {
      const { facts, slotChecksums, recipe } = await generateDatastore({
        path: storeFolder(folder),
        image,
        history,
        chunks,
        signal,
        ...(onProgress === undefined ? {} : { onProgress }),
      });
      await writeFile(checksumsFile(folder), checksumBytes(slotChecksums));
      await writeFile(
        sidecarFile(folder),
        JSON.stringify({ facts, ...(recipe === undefined ? {} : { recipe }) } satisfies Sidecar),
      );
    },
  });
  try {
    const { facts, recipe } = JSON.parse(await readFile(sidecarFile(lease.path), 'utf8')) as Sidecar;
    return {
      path: storeFolder(lease.path),
      snapshot: facts.snapshot,
      archive: facts.archive,
      facts,
      ...(recipe === undefined ? {} : { recipe }),
      slotChecksums: checksumsFrom(await readFile(checksumsFile(lease.path)), facts.chunkCount),
      [Symbol.dispose]: () => lease[Symbol.dispose](),
    };
  } catch (error) {
    lease[Symbol.dispose]();
    throw new IntegrityError(`the cached image ${lease.path} is damaged: ${(error as Error).message}`, {
      code: 'cache-damaged',
      hint: 'clear the cache, so that it is made anew',
      cause: error,
    });
  }
}

const storeFolder = (folder: string): string => join(folder, 'store');
const checksumsFile = (folder: string): string => join(folder, 'slot-checksums.bin');
const sidecarFile = (folder: string): string => join(folder, 'workload.json');

function entryName(image: ImageSettings, history: HistorySettings): string {
  const { sizeBytes, zeroShare, repeatedShare, compressionRatio, seed } = image;
  const { depth, changeRate } = history;
  const settings = [
    GENERATOR_VERSION,
    DEFAULT_CHUNK_SIZE,
    sizeBytes,
    zeroShare,
    repeatedShare,
    compressionRatio,
    seed,
    depth,
  ];
  // With one backup there is nothing to change.
  return cacheName([...settings, depth === 1 ? 0 : changeRate]);
}

function synthesisedName({ sizeBytes, zeroShare, compressionRatio, seed }: ImageSettings): string {
  return cacheName([
    GENERATOR_VERSION,
    DEFAULT_CHUNK_SIZE,
    'synthesised',
    sizeBytes,
    zeroShare,
    compressionRatio,
    seed,
  ]);
}

function cacheName(settings: readonly unknown[]): string {
  return `image-${hash('sha256', JSON.stringify(settings), 'hex').slice(0, 32)}`;
}

function expectedBytes(image: ImageSettings, history: HistorySettings): number {
  const { firstBackups, slotCount } = planImage(image, history, DEFAULT_CHUNK_SIZE);
  const data =
    Math.min(firstBackups.length * DEFAULT_CHUNK_SIZE, image.sizeBytes * history.depth) / image.compressionRatio;
  return Math.ceil(data + history.depth * (SNAPSHOT_BYTES + 32 * slotCount) + 4 * slotCount);
}

/** One snapshot without its chunks, and what stands beside it. */
function snapshotBytes(sizeBytes: number): number {
  return Math.ceil(SNAPSHOT_BYTES + (32 + 4) * Math.ceil(sizeBytes / DEFAULT_CHUNK_SIZE));
}

/** Little-endian whatever the machine. */
function checksumBytes(checksums: Uint32Array): Buffer {
  const bytes = Buffer.alloc(4 * checksums.length);
  for (const [slot, checksum] of checksums.entries()) bytes.writeUInt32LE(checksum, 4 * slot);
  return bytes;
}

function checksumsFrom(bytes: Buffer, slotCount: number): Uint32Array {
  if (bytes.length !== 4 * slotCount) throw new Error(`${bytes.length} bytes of checksums for ${slotCount} chunks`);
  return Uint32Array.from({ length: slotCount }, (_, slot) => bytes.readUInt32LE(4 * slot));
}
