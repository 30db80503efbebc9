import type { DurableFiles } from '../../datastore/durable-files.ts';
import { DynamicIndexWriter } from '../../datastore/dynamic-index-writer.ts';
import type { DynamicIndexEntry } from '../../format/dynamic-index.ts';
import { Refusal } from '../refusal.ts';
import type { Archive, ArchiveEntry, CloseFacts } from './archive.ts';

export interface DynamicArchiveOptions {
  readonly wid: number;
  readonly name: string;
  readonly path: string;
  readonly durable: DurableFiles;
  /** Unix seconds. */
  readonly ctime: number;
}

/** An archive of chunks of any length that is being backed up (spec 5.12). */
export class DynamicArchive implements Archive {
  readonly kind = 'dynamic';
  readonly name: string;
  readonly #wid: number;
  readonly #index: DynamicIndexWriter;
  #offset = 0;
  #appended = 0;
  #isClosed = false;

  private constructor(index: DynamicIndexWriter, { wid, name }: DynamicArchiveOptions) {
    this.#wid = wid;
    this.name = name;
    this.#index = index;
  }

  static async create(options: DynamicArchiveOptions): Promise<DynamicArchive> {
    const { path, durable, ctime } = options;
    return new DynamicArchive(await DynamicIndexWriter.create(path, durable, ctime), options);
  }

  /** Any chunk will do. */
  registerChunk(): void {}

  async append(entries: readonly ArchiveEntry[]): Promise<void> {
    this.#requireOpen();
    const accepted: DynamicIndexEntry[] = [];
    let end = this.#offset;
    try {
      for (const { offset, digest, length } of entries) {
        if (offset !== end)
          throw new Refusal(
            400,
            `dynamic writer '${this.name}' append chunk failed - got strange chunk offset (${end} != ${offset})`,
          );
        end += length();
        accepted.push({ end, digest });
      }
    } finally {
      await this.#index.append(accepted);
      this.#offset = accepted.at(-1)?.end ?? this.#offset;
      this.#appended += accepted.length;
    }
  }

  async close({ chunkCount, size, csum }: CloseFacts): Promise<void> {
    this.#requireOpen();
    const failed = (what: string): Refusal => new Refusal(400, `dynamic writer '${this.name}' close failed - ${what}`);
    if (chunkCount !== this.#appended) throw failed(`unexpected chunk count (${this.#appended} != ${chunkCount})`);
    if (size !== this.#offset) throw failed(`unexpected file size (${this.#offset} != ${size})`);
    this.#isClosed = true;
    if ((await this.#index.close()) !== csum) throw failed('got unexpected checksum');
  }

  async abandon(): Promise<void> {
    await this.#index.abandon();
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new Refusal(400, `dynamic writer '${this.#wid}' already closed`);
  }
}
