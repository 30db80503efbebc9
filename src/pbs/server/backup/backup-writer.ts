import { join } from 'node:path';

import { ChunkStore } from '../../datastore/chunk-store.ts';
import { MANIFEST_NAME } from '../../format/archive-name.ts';
import { encodeManifest, MAX_ENCODED_MANIFEST_BYTES, parseManifest } from '../../format/manifest.ts';
import { MAX_INDEX_BYTES } from '../../format/index-header.ts';
import { osErrorText } from '../os-error-text.ts';
import { readWholeFile } from '../read-whole-file.ts';
import { Refusal } from '../refusal.ts';
import type { Archive, CloseFacts } from './archive.ts';
import type { AppendRequest } from './append-request.ts';
import type { BackupPlace } from './backup-place.ts';
import { MAX_WRITERS } from './backup-parameters.ts';
import { DynamicArchive } from './dynamic-archive.ts';
import { FixedArchive } from './fixed-archive.ts';
import { KnownChunks } from './known-chunks.ts';
import type { PreviousSnapshot } from './previous-snapshot.ts';
import { checkUploadedBlob, checkUploadedChunk } from './uploaded-chunk.ts';

type ArchiveKind = Archive['kind'];

/** Until the backup is finished its manifest has another name, since a snapshot that has one looks complete. */
const UNFINISHED_MANIFEST = `${MANIFEST_NAME}.tmp_finish`;

export interface FixedIndexRequest {
  readonly name: string;
  readonly size?: number;
  /** Begin with the index of the previous backup, which has this checksum. */
  readonly reuseCsum?: string;
}

export interface UploadedChunk {
  readonly wid: number;
  readonly digest: string;
  /** Plain bytes. */
  readonly size: number;
  /** A whole blob; its CRC is corrected in place. */
  readonly encoded: Buffer;
}

interface Writer {
  readonly archive: Archive;
  /** Resolves when what was asked of the archive so far is done: one after the other. */
  turn: Promise<unknown>;
}

/**
 * One backup: the archives that are open, the chunks that it may use, and how far it is (spec 5). Every method throws a
 * Refusal for what the client did wrong and for what the disk does not take.
 */
export class BackupWriter {
  readonly #place: BackupPlace;
  readonly #chunks: ChunkStore;
  readonly #known: KnownChunks = new KnownChunks();
  readonly #writers: Map<number, Writer> = new Map();
  #lastWid = 0;
  #storedFiles = 0;
  #state: 'active' | 'finishing' | 'finished' = 'active';
  readonly #uploads: { count: number; size: number; compressed_size: number; duplicates: number } = {
    count: 0,
    size: 0,
    compressed_size: 0,
    duplicates: 0,
  };

  constructor(place: BackupPlace) {
    this.#place = place;
    this.#chunks = new ChunkStore(place.base, place.durable);
  }

  get previous(): PreviousSnapshot | undefined {
    return this.#place.previous;
  }

  /** A chunk that is in the datastore, by an index of the previous backup. */
  registerKnown(digest: string, length: number): void {
    this.#known.add(digest, length);
  }

  async createFixed({ name, size, reuseCsum }: FixedIndexRequest): Promise<number> {
    this.requireActive();
    const reuse = reuseCsum === undefined ? undefined : { csum: reuseCsum, index: await this.#previousIndex(name) };
    return await this.#create(name, 'fixed', async (place) => {
      return await FixedArchive.create({
        ...place,
        ...(size === undefined ? {} : { size }),
        ...(reuse === undefined ? {} : { reuse }),
      });
    });
  }

  async createDynamic(name: string): Promise<number> {
    this.requireActive();
    return await this.#create(name, 'dynamic', async (place) => await DynamicArchive.create(place));
  }

  async addChunk(kind: ArchiveKind, { wid, digest, size, encoded }: UploadedChunk): Promise<void> {
    this.requireActive();
    const { archive } = this.#writer(kind, wid);
    const blobKind = checkUploadedChunk(encoded, digest, size);
    const { isDuplicate } = await this.#onDisk(
      `inserting chunk ${digest}`,
      async () => await this.#chunks.insert(digest, blobKind, encoded),
    );
    archive.registerChunk(size);
    this.#known.add(digest, size);
    this.#uploads.count += 1;
    this.#uploads.size += size;
    this.#uploads.compressed_size += encoded.length;
    if (isDuplicate) this.#uploads.duplicates += 1;
  }

  async append(kind: ArchiveKind, { wid, entries }: AppendRequest): Promise<void> {
    this.requireActive();
    const writer = this.#writer(kind, wid);
    await this.#inTurn(writer, `appending to ${writer.archive.name}`, async () => {
      await writer.archive.append(
        entries.map((entry) => ({ ...entry, length: () => this.#known.lengthOf(entry.digest) })),
      );
    });
  }

  async close(kind: ArchiveKind, wid: number, facts: CloseFacts): Promise<void> {
    this.requireActive();
    const writer = this.#writer(kind, wid);
    await this.#inTurn(writer, `closing ${writer.archive.name}`, async () => {
      // What an index names must not be lost when the index is not.
      await this.#place.durable.flush();
      await writer.archive.close(facts);
      this.#writers.delete(wid);
      this.#storedFiles += 1;
    });
  }

  /** Stores a blob, in place of one that is there. PBS takes blobs even of a backup that is finished (observed, 13). */
  async addBlob(name: string, encoded: Buffer): Promise<void> {
    checkUploadedBlob(encoded);
    const isManifest = name === MANIFEST_NAME;
    if (isManifest && encoded.length > MAX_ENCODED_MANIFEST_BYTES) throw new Refusal(400, 'the manifest is too large');
    // The manifest of a finished backup stays the one that was finished.
    const fileName = isManifest ? UNFINISHED_MANIFEST : name;
    await this.#onDisk(`storing ${name}`, async () => {
      await this.#place.durable.write(join(this.#place.folder, fileName), encoded);
    });
    this.#storedFiles += 1;
    this.#uploads.size += encoded.length;
  }

  /** Completes the backup; from here on it stays when the client goes. */
  async finish(): Promise<void> {
    this.requireActive();
    if (this.#writers.size > 0) throw new Refusal(400, 'found open index writer - unable to finish backup');
    this.#state = 'finishing';
    if (this.#storedFiles === 0) throw new Refusal(400, 'backup does not contain valid files (file count == 0)');
    const { durable, folder, previous } = this.#place;
    if (previous !== undefined) {
      const base = previous.folder;
      await this.#onDisk(`base snapshot ${base} was removed during backup`, async () => await durable.files.stat(base));
    }
    const uploaded = join(folder, UNFINISHED_MANIFEST);
    await this.#onDisk('unable to load manifest blob', async () => {
      const manifest = parseManifest(await readWholeFile(uploaded, MAX_ENCODED_MANIFEST_BYTES));
      const unprotected = { ...manifest.unprotected, chunk_upload_stats: this.#uploads };
      await durable.flush();
      await durable.write(join(folder, MANIFEST_NAME), encodeManifest({ ...manifest, unprotected }));
      await durable.files.rm(uploaded);
      await durable.flush();
    });
    this.#state = 'finished';
  }

  /** Ends the backup, when nothing is asked of it any more: what is not finished is removed. */
  async end(): Promise<void> {
    for (const { archive } of this.#writers.values()) await archive.abandon().catch(() => {});
    this.#writers.clear();
    if (this.#state !== 'finished') {
      await this.#place.remove();
      return;
    }
    const { durable, folder } = this.#place;
    try {
      // Of what came behind the finish: see addBlob.
      await durable.files.rm(join(folder, UNFINISHED_MANIFEST), { force: true });
      await durable.flush();
    } finally {
      this.#place.release();
    }
  }

  /** @throws Refusal once the backup is finished, or was to be */
  requireActive(): void {
    if (this.#state === 'finished') throw new Refusal(400, 'backup already marked as finished.');
    if (this.#state === 'finishing') throw new Refusal(400, 'backup is already in the process of finishing.');
  }

  async #create(
    name: string,
    kind: ArchiveKind,
    make: (options: {
      readonly wid: number;
      readonly name: string;
      readonly path: string;
      readonly durable: BackupPlace['durable'];
      readonly ctime: number;
    }) => Promise<Archive>,
  ): Promise<number> {
    if (this.#lastWid === MAX_WRITERS) throw new Refusal(400, `too many archives, at most ${MAX_WRITERS} in a backup`);
    this.#lastWid += 1;
    const wid = this.#lastWid;
    const { folder, durable } = this.#place;
    const archive = await this.#onDisk(`creating ${kind} index ${name}`, async () => {
      return await make({ wid, name, path: join(folder, name), durable, ctime: Math.floor(Date.now() / 1000) });
    });
    this.#writers.set(wid, { archive, turn: Promise.resolve() });
    return wid;
  }

  #writer(kind: ArchiveKind, wid: number): Writer {
    const writer = this.#writers.get(wid);
    if (writer?.archive.kind !== kind) throw new Refusal(400, `${kind} writer '${wid}' not registered`);
    return writer;
  }

  async #previousIndex(name: string): Promise<Uint8Array> {
    const { previous } = this.#place;
    if (previous === undefined) throw new Refusal(400, 'cannot reuse index - no valid previous backup exists');
    const path = join(previous.folder, name);
    return await this.#onDisk(`cannot reuse index - unable to open ${JSON.stringify(path)}`, async () => {
      return await readWholeFile(path, MAX_INDEX_BYTES);
    });
  }

  async #inTurn(writer: Writer, doing: string, step: () => Promise<void>): Promise<void> {
    const turn = writer.turn.catch(() => {}).then(async () => await this.#onDisk(doing, step));
    writer.turn = turn;
    await turn;
  }

  async #onDisk<Result>(doing: string, step: () => Promise<Result>): Promise<Result> {
    try {
      return await step();
    } catch (error) {
      throw error instanceof Refusal ? error : new Refusal(400, `${doing} failed - ${osErrorText(error)}`);
    }
  }
}
