import { systemErrorCode } from '../../model/errors.ts';
import type { BlobKind } from '../format/blob.ts';
import { MAGIC_BYTES, formatOf } from '../format/magic.ts';
import type { DurableFiles } from './durable-files.ts';
import { chunkFolder, chunkPath, modes } from './layout.ts';

export interface InsertedChunk {
  /** There was one already that is kept. */
  readonly isDuplicate: boolean;
  /** Of the file that is there now. */
  readonly encodedBytes: number;
}

/** Inserts that are under way, by path: the same chunk is often sent twice at the same time. */
const underWay: Map<string, Promise<unknown>> = new Map();

/** The chunks of a datastore, as backups add to them (spec 8.3). */
export class ChunkStore {
  readonly #base: string;
  readonly #durable: DurableFiles;

  /** @param durable of one backup: its `flush` makes sure of all chunks that this backup has put in or found */
  constructor(base: string, durable: DurableFiles) {
    this.#base = base;
    this.#durable = durable;
  }

  /**
   * Writes a chunk unless there is one that serves as well: of the same length, or, where both are plain, shorter.
   * One that is kept gets the present time as access time, by which garbage collection sees that it is in use.
   * System errors are thrown as they are.
   * @param encoded a whole blob with the right CRC
   * @throws ChunkConflict where an encrypted chunk would take the place of another one
   */
  async insert(digest: string, kind: BlobKind, encoded: Uint8Array): Promise<InsertedChunk> {
    const path = chunkPath(this.#base, digest);
    const before = underWay.get(path);
    const turn = (before ?? Promise.resolve()).catch(() => {}).then(() => this.#insert(path, digest, kind, encoded));
    underWay.set(path, turn);
    try {
      return await turn;
    } finally {
      if (underWay.get(path) === turn) underWay.delete(path);
    }
  }

  async #insert(path: string, digest: string, kind: BlobKind, encoded: Uint8Array): Promise<InsertedChunk> {
    const present = await this.#present(path);
    if (present === undefined || present.bytes === 0 || !(await this.#isKept(path, present.bytes, kind, encoded))) {
      if (present === undefined) await this.#durable.makeFolder(chunkFolder(this.#base, digest), modes.chunks);
      await this.#durable.write(path, encoded);
      return { isDuplicate: false, encodedBytes: encoded.length };
    }
    await this.#durable.files.utimes(path, new Date(), present.modified);
    // Whoever has written it may not have flushed its name yet.
    this.#durable.touchFolderOf(path);
    return { isDuplicate: true, encodedBytes: present.bytes };
  }

  async #isKept(path: string, bytes: number, kind: BlobKind, encoded: Uint8Array): Promise<boolean> {
    if (bytes === encoded.length) return true;
    const presentKind = await this.#kindOf(path);
    const isEncrypted = kind === 'encrypted' || kind === 'zstd-encrypted';
    const isPresentEncrypted = presentKind === 'encrypted' || presentKind === 'zstd-encrypted';
    if (!isEncrypted) return bytes <= encoded.length;
    if (!isPresentEncrypted)
      throw new ChunkConflict('an unencrypted chunk with the digest of an encrypted one is there');
    if (kind === 'encrypted' && presentKind === 'encrypted')
      throw new ChunkConflict('an encrypted chunk of another length with the same digest is there');
    return true;
  }

  async #present(path: string): Promise<{ readonly bytes: number; readonly modified: Date } | undefined> {
    try {
      const { size, mtime } = await this.#durable.files.stat(path);
      return { bytes: size, modified: mtime };
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #kindOf(path: string): Promise<string | undefined> {
    const file = await this.#durable.files.open(path, 'r');
    try {
      const magic = new Uint8Array(MAGIC_BYTES);
      const { bytesRead } = await file.read(magic, 0, MAGIC_BYTES, 0);
      return bytesRead === MAGIC_BYTES ? formatOf(magic) : undefined;
    } finally {
      await file.close();
    }
  }
}

/** Two chunks with the same digest that cannot be the same. */
export class ChunkConflict extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ChunkConflict';
  }
}
