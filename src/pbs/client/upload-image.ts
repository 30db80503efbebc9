import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { freeBytes } from '../../memory/free-bytes.ts';
import { Permits } from '../../model/permits.ts';
import { withTaskGroup, type TaskGroup } from '../../model/task-group.ts';
import { DEFAULT_CHUNK_SIZE } from '../../model/units.ts';
import { encodeBlobParts } from '../format/blob.ts';
import type { CryptConfig } from '../format/crypt-config.ts';
import type { FixedIndex } from '../format/fixed-index.ts';
import type { BackupSession, ChunkUpload, IndexEntry } from './backup-session.ts';
import { UploadBuffers, type BufferedBlob } from './upload-buffers.ts';

/** A chunk of an image, whose bytes are asked for only if the server does not have them. */
export interface UploadableChunk {
  /** 64 hex digits; under a key the keyed one. */
  readonly digest: string;
  /** Whether trying zstd is worth the time; PBS's own clients always do. */
  readonly isCompressible: boolean;
  /** Plain bytes; valid until the image is asked for its next chunk. */
  readonly plain: () => Uint8Array;
}

/** An image that can be backed up. */
export interface UploadableImage {
  readonly sizeBytes: number;
  /** Asked for slot by slot, in their order, each once; what it gives is used before the next is asked for. */
  readonly chunk: (slot: number) => UploadableChunk;
}

export interface UploadImageOptions {
  /** With its suffix. */
  readonly archive: string;
  /** Of the same archive in the last snapshot, if the server was asked for it in this session. */
  readonly previous?: FixedIndex;
  /**
   * Whether the new index begins as a copy of the previous one, as QEMU's dirty bitmaps have it: only changed places are
   * appended then. Otherwise every place is, as by `proxmox-backup-client`.
   */
  readonly isCopyOfPrevious?: boolean;
  /** Encrypts the chunks under this key. */
  readonly crypt?: CryptConfig;
  /** Chunks in memory, from their encoding until the server's answer. */
  readonly inFlight: number;
  /** After each chunk, with the plain bytes of the image that need nothing more but answers. */
  readonly onProgress?: (doneBytes: number) => void;
  readonly signal: AbortSignal;
}

/** What became of an image. */
export interface UploadedImage {
  readonly sizeBytes: number;
  /** SHA-256 over all digests, hex. */
  readonly csum: string;
  readonly chunkCount: number;
  /** What crossed the wire; everything else the server had. */
  readonly uploaded: { readonly chunks: number; readonly plainBytes: number; readonly encodedBytes: number };
}

/** Places in one request, as PBS's own client (spec 5.4). */
const APPENDED_AT_ONCE = 64;

/**
 * Backs up an image: a chunk that neither the previous index nor an earlier place has is uploaded, a window of them at a time,
 * and each place is appended when its chunk is there. Holds the digests of known chunks, `inFlight` blobs and a few lists of
 * places, however large the image.
 * @throws what the session's methods throw
 */
export async function uploadImage(
  session: BackupSession,
  image: UploadableImage,
  options: UploadImageOptions,
): Promise<UploadedImage> {
  const { archive, previous, isCopyOfPrevious = false, signal } = options;
  const { sizeBytes } = image;
  const base = isCopyOfPrevious && previous?.size === sizeBytes ? previous : undefined;
  const writer = await session.createFixedIndex(
    { archive, sizeBytes, ...(base === undefined ? {} : { reuseCsum: base.csum }) },
    signal,
  );
  const upload = new ImageUpload(session, image, writer, base, options);
  await withTaskGroup(signal, async (group) => await upload.run(group));
  const { csum, appended } = upload;
  await session.closeFixedIndex(writer, { ...appended, csum }, signal);
  return { sizeBytes, csum, chunkCount: slotCount(sizeBytes), uploaded: upload.uploaded };
}

class ImageUpload {
  readonly uploaded: { chunks: number; plainBytes: number; encodedBytes: number } = {
    chunks: 0,
    plainBytes: 0,
    encodedBytes: 0,
  };
  readonly appended: { chunkCount: number; sizeBytes: number } = { chunkCount: 0, sizeBytes: 0 };
  csum = '';
  readonly #session: BackupSession;
  readonly #image: UploadableImage;
  readonly #writer: number;
  readonly #base: FixedIndex | undefined;
  readonly #options: UploadImageOptions;
  readonly #window: Permits;
  readonly #buffers: UploadBuffers = new UploadBuffers();
  /** Digests that need no upload any more. */
  readonly #known: Set<string>;
  /** Uploads without an answer so far. */
  readonly #pending: Map<string, Promise<void>> = new Map();
  #places: IndexEntry[] = [];
  /** Of the list that was sent last. */
  #appending: Promise<void> = Promise.resolve();

  constructor(
    session: BackupSession,
    image: UploadableImage,
    writer: number,
    base: FixedIndex | undefined,
    options: UploadImageOptions,
  ) {
    this.#session = session;
    this.#image = image;
    this.#writer = writer;
    this.#base = base;
    this.#options = options;
    this.#window = new Permits(options.inFlight);
    this.#known = new Set(options.previous === undefined ? [] : digestsOf(options.previous));
  }

  async run(group: TaskGroup): Promise<void> {
    const { signal } = group;
    const { sizeBytes } = this.#image;
    const csum = createHash('sha256');
    for (let slot = 0; slot < slotCount(sizeBytes); slot += 1) {
      // Making a chunk takes milliseconds of this thread, between which answers and signals must get their turn.
      await nextTurn();
      signal.throwIfAborted();
      const chunk = this.#image.chunk(slot);
      const offset = slot * DEFAULT_CHUNK_SIZE;
      const length = Math.min(DEFAULT_CHUNK_SIZE, sizeBytes - offset);
      csum.update(chunk.digest, 'hex');
      if (this.#base?.digestAt(slot) !== chunk.digest) {
        if (!this.#known.has(chunk.digest)) await this.#upload(chunk, length, group);
        this.#places.push({ digest: chunk.digest, offset });
        this.appended.chunkCount += 1;
        this.appended.sizeBytes += length;
        if (this.#places.length === APPENDED_AT_ONCE) await this.#append(group);
      }
      this.#options.onProgress?.(offset + length);
    }
    if (this.#places.length > 0) await this.#append(group);
    await this.#appending;
    this.csum = csum.digest('hex');
  }

  async #upload(chunk: UploadableChunk, sizeBytes: number, group: TaskGroup): Promise<void> {
    const { signal } = group;
    // Before the blob is made: this is what bounds the memory.
    await this.#window.take(signal);
    const { digest, isCompressible } = chunk;
    const encoded = this.#encode(chunk.plain(), isCompressible);
    this.#known.add(digest);
    this.uploaded.chunks += 1;
    this.uploaded.plainBytes += sizeBytes;
    this.uploaded.encodedBytes += encoded.bytes.length;
    const upload: ChunkUpload = {
      writer: this.#writer,
      digest,
      sizeBytes,
      encoded: encoded.bytes,
      bodySent: encoded.release,
    };
    this.#pending.set(
      digest,
      group.track(
        this.#session.uploadFixedChunk(upload, signal).finally(() => {
          this.#pending.delete(digest);
          this.#window.give();
        }),
      ),
    );
  }

  #encode(plain: Uint8Array, compress: boolean): BufferedBlob {
    const { crypt } = this.#options;
    const parts = encodeBlobParts(plain, { compress, ...(crypt === undefined ? {} : { crypt }) });
    const blob = this.#buffers.join(parts);
    if (parts.payload !== plain) freeBytes(parts.payload);
    return blob;
  }

  /** Only known chunks can be appended; while their answers are under way the next list is made, and no more than that. */
  async #append(group: TaskGroup): Promise<void> {
    const places = this.#places;
    const waiting = places.flatMap(({ digest }) => this.#pending.get(digest) ?? []);
    this.#places = [];
    await this.#appending;
    this.#appending = group.track(
      Promise.all(waiting).then(async () => await this.#session.appendToFixedIndex(this.#writer, places, group.signal)),
    );
  }
}

const slotCount = (sizeBytes: number): number => Math.ceil(sizeBytes / DEFAULT_CHUNK_SIZE);

function* digestsOf(index: FixedIndex): Generator<string, void, undefined> {
  for (let slot = 0; slot < index.slotCount; slot += 1) yield index.digestAt(slot);
}
