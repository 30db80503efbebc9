import type { EmulatedStorage } from '../../storage/emulated-storage.ts';
import { chunkPath } from '../datastore/layout.ts';
import { MAX_ENCODED_BLOB_BYTES } from '../format/blob.ts';
import type { ChunkBuffers } from './chunk-buffers.ts';
import type { ChunkBody, ChunkReader } from './chunk-reader.ts';
import { osErrorText } from './os-error-text.ts';
import { ReadAhead } from './read-ahead.ts';
import { readWholeFile } from './read-whole-file.ts';
import { Refusal } from './refusal.ts';

export interface ChunkFilesOptions {
  /** Of the datastore. */
  readonly folder: string;
  readonly storage: EmulatedStorage;
  /** Shared by all sessions. */
  readonly buffers: ChunkBuffers;
}

/** The chunk files of a datastore, as one session reads them. */
export class ChunkFiles implements ChunkReader {
  readonly #options: ChunkFilesOptions;
  readonly #readAhead: ReadAhead;

  constructor(options: ChunkFilesOptions) {
    this.#options = options;
    this.#readAhead = new ReadAhead(options.storage);
  }

  async read(digest: string, signal: AbortSignal): Promise<ChunkBody> {
    const { folder, storage, buffers } = this.#options;
    const path = chunkPath(folder, digest);
    // Nothing is read for a client that has reset its stream: it could fill the memory, and the disk's queue.
    const leave = await this.#readAhead.take(signal);
    const load = async (): Promise<Uint8Array> =>
      await readWholeFile(path, MAX_ENCODED_BLOB_BYTES, { memory: buffers, signal });
    const body = await storage.read(load, signal).catch((error: unknown) => {
      leave();
      throw new Refusal(400, `reading file ${JSON.stringify(path)} failed: ${osErrorText(error)}`);
    });
    const sent = (): void => {
      buffers.give(body);
      leave();
    };
    return { body, sent };
  }
}
