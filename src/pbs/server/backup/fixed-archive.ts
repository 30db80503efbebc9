import { hash } from 'node:crypto';

import { FixedIndexWriter } from '../../datastore/fixed-index-writer.ts';
import type { DurableFiles } from '../../datastore/durable-files.ts';
import { DIGEST_BYTES } from '../../format/digest.ts';
import { parseFixedIndexHeader } from '../../format/fixed-index.ts';
import { INDEX_HEADER_BYTES, MAX_INDEX_BYTES } from '../../format/index-header.ts';
import { DEFAULT_CHUNK_SIZE } from '../../../model/units.ts';
import { Refusal } from '../refusal.ts';
import type { Archive, ArchiveEntry, CloseFacts } from './archive.ts';

/** What a server takes, whatever a client would like (spec 5.4). */
const CHUNK_SIZE: number = DEFAULT_CHUNK_SIZE;

const MAX_SLOTS: number = (MAX_INDEX_BYTES - INDEX_HEADER_BYTES) / DIGEST_BYTES;

export interface FixedArchiveOptions {
  readonly wid: number;
  readonly name: string;
  readonly path: string;
  readonly durable: DurableFiles;
  /** Bytes of the image; absent where it shows as chunks are appended. */
  readonly size?: number;
  /** Unix seconds. */
  readonly ctime: number;
  /** The index to begin with, instead of an empty one: its file, and the checksum that it must have (spec 5.6). */
  readonly reuse?: { readonly index: Uint8Array; readonly csum: string };
}

/** An image that is being backed up: the index writer, and what PBS demands of its chunks (spec 5.3 to 5.6). */
export class FixedArchive implements Archive {
  readonly kind = 'fixed';
  readonly name: string;
  readonly #wid: number;
  readonly #index: FixedIndexWriter;
  readonly #isIncremental: boolean;
  readonly #isGrowable: boolean;
  #size: number;
  #appended = 0;
  #shortChunks = 0;
  #isClosed = false;

  private constructor(index: FixedIndexWriter, { wid, name, size, reuse }: FixedArchiveOptions) {
    this.#wid = wid;
    this.name = name;
    this.#index = index;
    this.#size = size ?? 0;
    this.#isGrowable = size === undefined;
    this.#isIncremental = reuse !== undefined;
  }

  static async create(options: FixedArchiveOptions): Promise<FixedArchive> {
    const { name, path, durable, size, ctime, reuse } = options;
    if (Math.ceil((size ?? 0) / CHUNK_SIZE) > MAX_SLOTS)
      throw new Refusal(400, `fixed writer '${name}' - an image of ${size} bytes is too large for this server`);
    const digests = reuse === undefined ? undefined : reusedDigests(reuse, size);
    const index = await FixedIndexWriter.create(path, durable, { chunkSize: CHUNK_SIZE, ctime });
    if (digests !== undefined) await index.writeDigests(0, digests);
    return new FixedArchive(index, options);
  }

  registerChunk(size: number): void {
    // The texts are as observed, with no bracket at the end.
    if (size > CHUNK_SIZE)
      throw new Refusal(400, `fixed writer '${this.name}' - got large chunk (${size} > ${CHUNK_SIZE}`);
    if (size === CHUNK_SIZE) return;
    this.#shortChunks += 1;
    if (this.#shortChunks > 1)
      throw new Refusal(400, `fixed writer '${this.#wid}' - detected multiple end chunks (chunk size too small)`);
  }

  /** Applies the entries up to the first wrong one, which rejects. */
  async append(entries: readonly ArchiveEntry[]): Promise<void> {
    this.#requireOpen();
    // Neighbours are written at once.
    let run: string[] = [];
    let runSlot = 0;
    const writeRun = async (): Promise<void> => {
      if (run.length > 0) await this.#index.writeDigests(runSlot, Buffer.from(run.join(''), 'hex'));
      this.#appended += run.length;
      run = [];
    };
    try {
      for (const { offset, digest, length } of entries) {
        const slot = this.#checkedSlot(offset, length());
        if (run.length > 0 && slot !== runSlot + run.length) await writeRun();
        if (run.length === 0) runSlot = slot;
        run.push(digest);
      }
    } finally {
      await writeRun();
    }
  }

  async close({ chunkCount, size, csum }: CloseFacts): Promise<void> {
    this.#requireOpen();
    const failed = (what: string): Refusal => new Refusal(400, `fixed writer '${this.name}' close failed - ${what}`);
    if (chunkCount !== this.#appended)
      throw failed(`received wrong number of chunks (${this.#appended} != ${chunkCount})`);
    if (!this.#isIncremental) {
      const slots = Math.ceil(this.#size / CHUNK_SIZE);
      if (slots !== chunkCount) throw failed(`unexpected chunk count (${slots} != ${chunkCount})`);
      if (size !== this.#size) throw failed(`unexpected file size (${this.#size} != ${size})`);
    }
    if (this.#size === 0) throw failed('an index needs at least one chunk');
    this.#isClosed = true;
    const computed = await this.#index.close(this.#size);
    if (computed !== csum) throw failed('got unexpected checksum');
  }

  async abandon(): Promise<void> {
    await this.#index.abandon();
  }

  #checkedSlot(offset: number, length: number): number {
    const end = offset + length;
    if (offset % CHUNK_SIZE !== 0) throw new Refusal(400, `got unaligned offset (${offset})`);
    if (end > this.#size) {
      const mayGrow = this.#isGrowable && this.#size % CHUNK_SIZE === 0 && end <= MAX_SLOTS * CHUNK_SIZE;
      if (!mayGrow) throw new Refusal(400, `refusing to resize from ${this.#size} to ${end}`);
      this.#size = end;
    } else if (length !== CHUNK_SIZE && end !== this.#size) {
      throw new Refusal(400, `got chunk of ${length} bytes inside of the image (${CHUNK_SIZE} needed)`);
    }
    return offset / CHUNK_SIZE;
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new Refusal(400, `fixed writer '${this.#wid}' already closed`);
  }
}

/** @throws Refusal where the index of the previous backup is not the one that the client means */
function reusedDigests({ index, csum }: { index: Uint8Array; csum: string }, size: number | undefined): Uint8Array {
  if (size === undefined) throw new Refusal(400, 'cannot reuse index - the size of the image is missing');
  const { slotCount } = parseFixedIndexHeader(index);
  const digests = index.subarray(INDEX_HEADER_BYTES);
  if (digests.length !== slotCount * DIGEST_BYTES)
    throw new Refusal(400, 'cannot reuse index - that of the previous backup is damaged');
  const computed = hash('sha256', digests, 'hex');
  if (computed !== csum)
    throw new Refusal(400, `cannot reuse index - expected csum doesn't match last snapshot's (${csum} != ${computed})`);
  const slots = Math.ceil(size / CHUNK_SIZE);
  if (slots !== slotCount)
    throw new Refusal(400, `cannot reuse index - the number of chunks differs (${slots} != ${slotCount})`);
  return digests;
}
