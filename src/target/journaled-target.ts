import { ByteRanges } from '../journal/byte-ranges.ts';
import type { RestoreJournal } from '../journal/restore-journal.ts';
import { asMachineError } from '../model/errors.ts';
import type { Image, Slot } from '../model/image.ts';
import type { ChunkDecoder, ChunkSource, PlainChunk, RestoreTarget } from '../model/ports.ts';
import { MiB } from '../model/units.ts';
import { asHeldChunk } from './discard-target.ts';
import type { RestoreMedium } from './restore-medium.ts';
import { UnkeptBytes } from './unkept-bytes.ts';

/** Verified bytes that a crash may cost. */
export const MOST_LOST_BYTES: number = 64 * MiB;

/** Half of it, so that one half is made durable while the other is filled. */
const BATCH_BYTES: number = MOST_LOST_BYTES / 2;

export interface JournaledTargetOptions {
  readonly medium: RestoreMedium;
  readonly journal: RestoreJournal;
  /** What is to be restored, without what is there already. */
  readonly image: Image;
  /** Bytes that are there already. */
  readonly restored: ByteRanges;
  /** Of the restore. */
  readonly signal: AbortSignal;
}

/** What was written since the last line of the journal. */
interface Batch {
  readonly ranges: ByteRanges;
  /** Of chunks that came over the wire. */
  chunkBytes: number;
}

/**
 * Writes to a file or device from the threads that hold the chunks, and notes in a journal what a crash cannot take any
 * more: first the data is made durable, then its line is written. Writes go on meanwhile.
 */
export class JournaledTarget implements RestoreTarget, AsyncDisposable {
  readonly #medium: RestoreMedium;
  readonly #journal: RestoreJournal;
  readonly #size: number;
  readonly #restored: ByteRanges;
  readonly #unkept: UnkeptBytes;
  /** Slots of decoded chunks until they are written. */
  readonly #slots: Map<PlainChunk, Slot> = new Map();
  /** Writes that a thread may still execute: its descriptor must stay that of this medium. */
  readonly #pending: Set<Promise<unknown>> = new Set();
  #batch: Batch = emptyBatch();
  #keeping: Promise<void> | undefined;
  /** After it nothing is noted any more: a second fsync may succeed without the data of the first. */
  #keepFailure: Error | undefined;

  constructor({ medium, journal, image, restored, signal }: JournaledTargetOptions) {
    this.#medium = medium;
    this.#journal = journal;
    this.#size = image.size;
    this.#restored = restored;
    this.#unkept = new UnkeptBytes({
      bound: MOST_LOST_BYTES - image.chunkSize,
      slots: dataSlots(image),
      keep: () => this.#keepSoon(),
    });
    signal.addEventListener('abort', () => this.#unkept.fail(signal.reason as Error), { once: true });
  }

  /** Bytes of the image that are there, those from before included. */
  get restoredBytes(): number {
    return this.#restored.bytes;
  }

  /** Of a fetch that fails it only takes note, so that nobody waits for a chunk that will never be written. */
  watchSource(source: ChunkSource): ChunkSource {
    return { fetch: async (digest, signal) => await this.#orFail(source.fetch(digest, signal)) };
  }

  /** Holds back decodes while more is verified than may be lost. */
  boundDecoder(decoder: ChunkDecoder): ChunkDecoder {
    return {
      decode: async (chunk, slot) => {
        await this.#unkept.admit(slot);
        const plain = await this.#orFail(decoder.decode(chunk, slot));
        this.#slots.set(plain, slot);
        return plain;
      },
    };
  }

  async write(offset: number, chunk: PlainChunk): Promise<void> {
    const slot = this.#slots.get(chunk);
    if (slot?.offset !== offset) throw new Error(`the chunk for offset ${offset} is not the one of its slot`);
    this.#slots.delete(chunk);
    if (this.#keepFailure !== undefined) throw this.#keepFailure;
    await this.#execute(asHeldChunk(chunk).writeTo({ kind: 'file', fd: this.#medium.file.fd }, offset));
    this.#restored.add(offset, slot.length);
    this.#batch.ranges.add(offset, slot.length);
    this.#batch.chunkBytes += slot.length;
    this.#unkept.written(slot);
    this.#keepFullBatch();
  }

  /** A new file reads as zeros where nothing was written, and a later restore looks at those places whatever was noted. */
  async writeZeroes(offset: number, length: number): Promise<void> {
    if (!this.#medium.isNew) {
      await this.#execute(this.#fill(offset, length));
      this.#batch.ranges.add(offset, length);
    }
    this.#restored.add(offset, length);
    this.#keepFullBatch();
  }

  /** Everything is durable and has its name, and the journal is gone. */
  async finish(): Promise<void> {
    await this.#keep();
    if (!this.#restored.covers(0, this.#size))
      throw new Error(`the strategy has left out ${this.#size - this.#restored.bytes} bytes of the image`);
    await this.#execute(this.#medium.file.sync());
    await this.#execute(this.#medium.publish());
    await this.#journal.remove();
  }

  /** Notes what was written, as far as that still works, so that a later restore goes on from there. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#pending);
    await this.#keep().catch(() => {});
  }

  async #fill(offset: number, length: number): Promise<void> {
    for (let done = 0; done < length;) {
      const { bytesWritten } = await this.#medium.file.write(
        zeroes,
        0,
        Math.min(zeroes.length, length - done),
        offset + done,
      );
      done += bytesWritten;
    }
  }

  #keepFullBatch(): void {
    if (this.#batch.ranges.bytes >= BATCH_BYTES) this.#keepSoon();
  }

  /** Whoever writes next is told of a failure. */
  #keepSoon(): void {
    if (this.#keeping === undefined) this.#keep().catch(() => {});
  }

  /** Makes all that was written durable and notes it; resolves when that is done. */
  async #keep(): Promise<void> {
    while (this.#keeping !== undefined) await this.#keeping;
    if (this.#keepFailure !== undefined) throw this.#keepFailure;
    if (this.#batch.ranges.bytes === 0) return;
    const batch = this.#batch;
    this.#batch = emptyBatch();
    this.#keeping = this.#note(batch.ranges);
    try {
      await this.#orFail(this.#keeping);
    } catch (error) {
      this.#keepFailure = error as Error;
      throw error;
    } finally {
      this.#keeping = undefined;
    }
    // Only now may it ask for more.
    this.#unkept.kept(batch.chunkBytes);
    this.#keepFullBatch();
  }

  async #note(ranges: ByteRanges): Promise<void> {
    await this.#execute(this.#medium.file.datasync());
    await this.#journal.add(ranges);
  }

  async #execute<Result>(writing: Promise<Result>): Promise<Result> {
    this.#pending.add(writing);
    try {
      // Whoever waits for it to be kept is told the same, and may be heard first.
      return await this.#orFail(this.#explained(writing));
    } finally {
      this.#pending.delete(writing);
    }
  }

  async #explained<Result>(writing: Promise<Result>): Promise<Result> {
    try {
      return await writing;
    } catch (error) {
      throw asMachineError(error, `writing ${this.#medium.path}`);
    }
  }

  async #orFail<Result>(step: Promise<Result>): Promise<Result> {
    try {
      return await step;
    } catch (error) {
      this.#unkept.fail(error as Error);
      throw error;
    }
  }
}

const zeroes: Uint8Array = new Uint8Array(MiB);

const emptyBatch = (): Batch => ({ ranges: new ByteRanges(), chunkBytes: 0 });

function* dataSlots(image: Image): Generator<Slot, void, undefined> {
  for (const slot of image.slots()) if (!slot.isZero) yield slot;
}
