import { stat } from 'node:fs/promises';

import { systemErrorCode } from '../model/errors.ts';
import type { ReadingOrder } from '../model/verify.ts';
import type { Encryption } from '../decode/decode-chunk.ts';
import type { Datastore } from '../pbs/datastore/open-datastore.ts';
import { placeOf, type VerifiedArchive } from './collect-archives.ts';

export interface ListedChunk {
  readonly digest: string;
  /** Plain bytes. */
  readonly length: number;
  readonly encryption: Encryption;
}

/** The chunks that an archive is the first to name. */
interface ChunkGroup {
  /** For messages. */
  readonly archive: string;
  readonly chunks: readonly ListedChunk[];
}

/** Files whose numbers are asked for at a time. */
const STATS_AT_A_TIME = 64;

/** Every chunk of a number of archives, each once; about 0.2 KiB of memory for each. */
export class ChunkList {
  readonly #groups: ChunkGroup[] = [];
  readonly #lengths: Map<string, number> = new Map();
  /** Archives, once for each slot. */
  logicalBytes = 0;
  /** The same without full chunks of zeros, as far as these are known. */
  dataBytes = 0;
  /** The key of some image is unknown, and with it which of its chunks are zeros. */
  hasUnknownZeroes = false;
  slotCount = 0;
  archiveCount = 0;
  /** Of distinct chunks, plain. */
  uniqueBytes = 0;

  get uniqueCount(): number {
    return this.#lengths.size;
  }

  /** Chunks that an archive names with another length than one before it; one of the two indexes is wrong. */
  async add(archive: VerifiedArchive): Promise<readonly string[]> {
    const isEncrypted = archive.file.cryptMode === 'encrypt';
    const encryption: Encryption = !isEncrypted ? 'none' : archive.crypt === undefined ? 'unknown-key' : 'key';
    const chunks: ListedChunk[] = [];
    const conflicts: string[] = [];
    this.archiveCount += 1;
    if (encryption === 'unknown-key' && archive.file.filename.endsWith('.fidx')) this.hasUnknownZeroes = true;
    for (const { digest, length, isZero } of await archive.slots()) {
      this.slotCount += 1;
      this.logicalBytes += length;
      if (!isZero) this.dataBytes += length;
      const known = this.#lengths.get(digest);
      if (known === undefined) {
        this.#lengths.set(digest, length);
        this.uniqueBytes += length;
        chunks.push({ digest, length, encryption });
      } else if (known !== length) conflicts.push(digest);
    }
    this.#groups.push({ archive: placeOf(archive, archive.file.filename), chunks });
    return conflicts;
  }

  /** Archive by archive, as PBS does. */
  async *inOrder(order: ReadingOrder, datastore: Datastore): AsyncGenerator<ListedChunk, void, undefined> {
    for (const { chunks } of this.#groups) yield* order === 'index' ? chunks : await byInode(chunks, datastore);
  }
}

/** A chunk that is not there comes first. */
async function byInode(chunks: readonly ListedChunk[], datastore: Datastore): Promise<readonly ListedChunk[]> {
  const inodes = new Map<ListedChunk, bigint>();
  for (let start = 0; start < chunks.length; start += STATS_AT_A_TIME) {
    const some = chunks.slice(start, start + STATS_AT_A_TIME);
    await Promise.all(some.map(async (chunk) => inodes.set(chunk, await inodeOf(datastore.chunkPath(chunk.digest)))));
  }
  return chunks.toSorted((a, b) => compare(inodes.get(a) ?? 0n, inodes.get(b) ?? 0n));
}

async function inodeOf(path: string): Promise<bigint> {
  try {
    return (await stat(path, { bigint: true })).ino;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return 0n;
  }
}

const compare = (left: bigint, right: bigint): number => (left < right ? -1 : left > right ? 1 : 0);
