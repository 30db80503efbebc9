import { createHash, randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

import { DIGEST_BYTES } from '../format/digest.ts';
import { writeFixedIndexHeader } from '../format/fixed-index.ts';
import { INDEX_HEADER_BYTES } from '../format/index-header.ts';
import { writeAll, type DurableFiles } from './durable-files.ts';
import { IndexDraft } from './index-draft.ts';

/** Of a file that is read through. */
const PIECE_BYTES = 256 * 1024;

export interface FixedIndexWriterOptions {
  /** Bytes. */
  readonly chunkSize: number;
  /** Unix seconds. */
  readonly ctime: number;
}

/**
 * A fixed index that grows entry by entry in any order, in a file of its own until it is closed. Positions that were
 * never written hold zeros. System errors are thrown as they are.
 */
export class FixedIndexWriter {
  readonly #draft: IndexDraft;
  readonly #options: FixedIndexWriterOptions;

  private constructor(draft: IndexDraft, options: FixedIndexWriterOptions) {
    this.#draft = draft;
    this.#options = options;
  }

  static async create(
    path: string,
    durable: DurableFiles,
    options: FixedIndexWriterOptions,
  ): Promise<FixedIndexWriter> {
    return new FixedIndexWriter(await IndexDraft.create(path, durable), options);
  }

  /** Writes the digests of neighbouring slots, 32 bytes each. */
  async writeDigests(slot: number, digests: Uint8Array): Promise<void> {
    await this.#draft.use(async (file) => await writeAll(file, digests, INDEX_HEADER_BYTES + slot * DIGEST_BYTES));
  }

  /**
   * Completes the header and gives the file its name; see `IndexDraft.publish`.
   * @returns SHA-256 over all digests, hex
   */
  async close(size: number): Promise<string> {
    const { chunkSize, ctime } = this.#options;
    const bytes = INDEX_HEADER_BYTES + Math.ceil(size / chunkSize) * DIGEST_BYTES;
    return await this.#draft.publish(async (file) => {
      await file.truncate(bytes);
      const csum = await csumOf(file, bytes);
      const header = Buffer.alloc(INDEX_HEADER_BYTES);
      writeFixedIndexHeader(header, { uuid: randomBytes(16).toString('hex'), ctime, csum, size, chunkSize });
      await writeAll(file, header, 0);
      return csum;
    });
  }

  /** Removes the file, unless it has its name. */
  async abandon(): Promise<void> {
    await this.#draft.abandon();
  }
}

async function csumOf(file: FileHandle, bytes: number): Promise<string> {
  const csum = createHash('sha256');
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  for (let at = INDEX_HEADER_BYTES; at < bytes;) {
    const { bytesRead } = await file.read(piece, 0, Math.min(PIECE_BYTES, bytes - at), at);
    if (bytesRead === 0) throw new Error('the index was cut while it was written');
    csum.update(piece.subarray(0, bytesRead));
    at += bytesRead;
  }
  return csum.digest('hex');
}
