import type { Slot } from '../model/image.ts';

interface WaitingChunk {
  readonly slot: Slot;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export interface UnkeptBytesOptions {
  /** Bytes; one chunk may come on top. */
  readonly bound: number;
  /** Those that will be decoded, in index order. */
  readonly slots: Iterable<Slot>;
  /** Called when what is written has to be noted for a chunk to be admitted; may be called again before it is. */
  readonly keep: () => void;
}

/**
 * Bounds what a crash may cost: bytes that were verified and are not noted in the journal yet. It holds back decodes.
 *
 * No strategy can deadlock on it. A strategy that writes in index order may hold all decoded chunks back for the first
 * one of the image that is not written yet, so that one is let through beyond the bound when nothing that is written
 * is left to be noted. All others are written, and then noted, without anybody's help.
 */
export class UnkeptBytes {
  readonly #bound: number;
  readonly #waiting: WaitingChunk[] = [];
  readonly #slots: Iterator<Slot>;
  readonly #keep: () => void;
  /** Index of the first slot that is not written; undefined when all are. */
  #head: number | undefined;
  /** Written before those in front of them. */
  readonly #writtenAhead: Set<number> = new Set();
  #decodedBytes = 0;
  #writtenBytes = 0;
  #failure: Error | undefined;

  constructor({ bound, slots, keep }: UnkeptBytesOptions) {
    this.#bound = bound;
    this.#keep = keep;
    this.#slots = slots[Symbol.iterator]();
    this.#advance();
  }

  /** Verified and not noted. */
  get bytes(): number {
    return this.#decodedBytes + this.#writtenBytes;
  }

  /** Resolves when the chunk may be decoded; rejects when nothing will be noted any more. */
  async admit(slot: Slot): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ slot, resolve, reject });
      this.#admitWaiting();
    });
  }

  written({ index, length }: Slot): void {
    this.#decodedBytes -= length;
    this.#writtenBytes += length;
    this.#writtenAhead.add(index);
    while (this.#head !== undefined && this.#writtenAhead.delete(this.#head)) this.#advance();
    this.#admitWaiting();
  }

  /** So many of the written bytes are noted. */
  kept(bytes: number): void {
    this.#writtenBytes -= bytes;
    this.#admitWaiting();
  }

  /** Nothing will be noted any more. */
  fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }

  #admitWaiting(): void {
    for (let at = 0; at < this.#waiting.length;) {
      const waiting = this.#waiting[at];
      if (waiting === undefined || this.#mustWait(waiting.slot)) {
        at += 1;
        continue;
      }
      this.#waiting.splice(at, 1);
      this.#decodedBytes += waiting.slot.length;
      waiting.resolve();
    }
  }

  #mustWait({ index, length }: Slot): boolean {
    if (this.bytes + length <= this.#bound) return false;
    if (index !== this.#head) return true;
    if (this.#writtenBytes === 0) return false;
    this.#keep();
    return true;
  }

  #advance(): void {
    const next = this.#slots.next();
    this.#head = next.done === true ? undefined : next.value.index;
  }
}
