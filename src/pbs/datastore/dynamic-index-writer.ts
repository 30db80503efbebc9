import { createHash, randomBytes, type Hash } from 'node:crypto';

import { DYNAMIC_ENTRY_BYTES, writeDynamicEntry, type DynamicIndexEntry } from '../format/dynamic-index.ts';
import { INDEX_HEADER_BYTES, writeIndexHeader } from '../format/index-header.ts';
import { writeAll, type DurableFiles } from './durable-files.ts';
import { IndexDraft } from './index-draft.ts';

/** A dynamic index that grows at its end, in a file of its own until it is closed. System errors are thrown as they are. */
export class DynamicIndexWriter {
  readonly #draft: IndexDraft;
  readonly #ctime: number;
  readonly #csum: Hash = createHash('sha256');
  #position = INDEX_HEADER_BYTES;

  private constructor(draft: IndexDraft, ctime: number) {
    this.#draft = draft;
    this.#ctime = ctime;
  }

  /** @param ctime Unix seconds */
  static async create(path: string, durable: DurableFiles, ctime: number): Promise<DynamicIndexWriter> {
    return new DynamicIndexWriter(await IndexDraft.create(path, durable), ctime);
  }

  async append(entries: readonly DynamicIndexEntry[]): Promise<void> {
    const bytes = Buffer.alloc(entries.length * DYNAMIC_ENTRY_BYTES);
    for (const [index, entry] of entries.entries()) writeDynamicEntry(bytes, index * DYNAMIC_ENTRY_BYTES, entry);
    await this.#draft.use(async (file) => await writeAll(file, bytes, this.#position));
    this.#position += bytes.length;
    this.#csum.update(bytes);
  }

  /**
   * Writes the header and gives the file its name; see `IndexDraft.publish`.
   * @returns SHA-256 over all entries, hex
   */
  async close(): Promise<string> {
    const csum = this.#csum.digest('hex');
    const header = Buffer.alloc(INDEX_HEADER_BYTES);
    writeIndexHeader(header, 'dynamic', { uuid: randomBytes(16).toString('hex'), ctime: this.#ctime, csum });
    await this.#draft.publish(async (file) => await writeAll(file, header, 0));
    return csum;
  }

  /** Removes the file, unless it has its name. */
  async abandon(): Promise<void> {
    await this.#draft.abandon();
  }
}
