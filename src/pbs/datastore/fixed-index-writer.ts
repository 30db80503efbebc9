import { createHash, randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

import { DIGEST_BYTES } from '../format/digest.ts';
import { writeFixedIndexHeader } from '../format/fixed-index.ts';
import { INDEX_HEADER_BYTES } from '../format/index-header.ts';
import { writeAll, type DurableFiles } from './durable-files.ts';
import { modes } from './layout.ts';

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
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: FileHandle;
  readonly #durable: DurableFiles;
  readonly #chunkSize: number;
  readonly #ctime: number;

  private constructor(
    { path, temporary, durable }: { path: string; temporary: string; durable: DurableFiles },
    file: FileHandle,
    { chunkSize, ctime }: FixedIndexWriterOptions,
  ) {
    this.#path = path;
    this.#temporary = temporary;
    this.#file = file;
    this.#durable = durable;
    this.#chunkSize = chunkSize;
    this.#ctime = ctime;
  }

  static async create(
    path: string,
    durable: DurableFiles,
    options: FixedIndexWriterOptions,
  ): Promise<FixedIndexWriter> {
    const temporary = temporaryOf(path);
    const file = await durable.files.open(temporary, 'wx+', modes.file);
    return new FixedIndexWriter({ path, temporary, durable }, file, options);
  }

  /** Writes the digests of neighbouring slots, 32 bytes each. */
  async writeDigests(slot: number, digests: Uint8Array): Promise<void> {
    await writeAll(this.#file, digests, INDEX_HEADER_BYTES + slot * DIGEST_BYTES);
  }

  /**
   * Completes the header and gives the file its name; the folder is left to `DurableFiles.flush`. Everything that it
   * refers to must have been flushed before.
   * @returns SHA-256 over all digests, hex
   */
  async close(size: number): Promise<string> {
    const bytes = INDEX_HEADER_BYTES + Math.ceil(size / this.#chunkSize) * DIGEST_BYTES;
    await this.#file.truncate(bytes);
    const csum = await this.#csum(bytes);
    const header = Buffer.alloc(INDEX_HEADER_BYTES);
    const uuid = randomBytes(16).toString('hex');
    writeFixedIndexHeader(header, { uuid, ctime: this.#ctime, csum, size, chunkSize: this.#chunkSize });
    await writeAll(this.#file, header, 0);
    await this.#file.sync();
    await this.#file.close();
    await this.#durable.rename(this.#temporary, this.#path);
    return csum;
  }

  /** Removes the file, unless it has its name. */
  async abandon(): Promise<void> {
    await this.#file.close();
    await this.#durable.files.rm(this.#temporary, { force: true });
  }

  async #csum(bytes: number): Promise<string> {
    const csum = createHash('sha256');
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    for (let at = INDEX_HEADER_BYTES; at < bytes;) {
      const { bytesRead } = await this.#file.read(piece, 0, Math.min(PIECE_BYTES, bytes - at), at);
      if (bytesRead === 0) throw new Error(`${this.#temporary} was cut`);
      csum.update(piece.subarray(0, bytesRead));
      at += bytesRead;
    }
    return csum.digest('hex');
  }
}

/** A name that garbage collection knows and leaves alone; the same archive may be written twice in one backup. */
const temporaryOf = (path: string): string => path.replace(/\.fidx$/u, `.${randomBytes(3).toString('hex')}.tmp_fidx`);
