import { createHash, randomBytes, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

import { DIGEST_BYTES } from '../format/digest.ts';
import type { DynamicIndexEntry } from '../format/dynamic-index.ts';
import { INDEX_HEADER_BYTES, writeIndexHeader } from '../format/index-header.ts';
import { writeAll, type DurableFiles } from './durable-files.ts';
import { modes } from './layout.ts';

/** End offset and digest (spec 6.4). */
const ENTRY_BYTES = 8 + DIGEST_BYTES;

/** A dynamic index that grows at its end, in a file of its own until it is closed. System errors are thrown as they are. */
export class DynamicIndexWriter {
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: FileHandle;
  readonly #durable: DurableFiles;
  readonly #ctime: number;
  readonly #csum: Hash = createHash('sha256');
  #position = INDEX_HEADER_BYTES;

  private constructor(
    { path, temporary, durable }: { path: string; temporary: string; durable: DurableFiles },
    file: FileHandle,
    ctime: number,
  ) {
    this.#path = path;
    this.#temporary = temporary;
    this.#file = file;
    this.#durable = durable;
    this.#ctime = ctime;
  }

  /** @param ctime Unix seconds */
  static async create(path: string, durable: DurableFiles, ctime: number): Promise<DynamicIndexWriter> {
    const temporary = temporaryOf(path);
    const file = await durable.files.open(temporary, 'wx', modes.file);
    return new DynamicIndexWriter({ path, temporary, durable }, file, ctime);
  }

  async append(entries: readonly DynamicIndexEntry[]): Promise<void> {
    const bytes = Buffer.alloc(entries.length * ENTRY_BYTES);
    for (const [index, { end, digest }] of entries.entries()) {
      bytes.writeBigUInt64LE(BigInt(end), index * ENTRY_BYTES);
      bytes.write(digest, index * ENTRY_BYTES + 8, 'hex');
    }
    await writeAll(this.#file, bytes, this.#position);
    this.#position += bytes.length;
    this.#csum.update(bytes);
  }

  /** As `FixedIndexWriter.close`. */
  async close(): Promise<string> {
    const csum = this.#csum.copy().digest('hex');
    const header = Buffer.alloc(INDEX_HEADER_BYTES);
    writeIndexHeader(header, 'dynamic', { uuid: randomBytes(16).toString('hex'), ctime: this.#ctime, csum });
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
}

/** A name that garbage collection knows and leaves alone; the same archive may be written twice in one backup. */
const temporaryOf = (path: string): string => path.replace(/\.didx$/u, `.${randomBytes(3).toString('hex')}.tmp_didx`);
