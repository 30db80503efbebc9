import { Permits } from '../model/permits.ts';
import type { LentMemory } from '../model/received-chunk.ts';
import { DEFAULT_CHUNK_SIZE } from '../model/units.ts';

/** Holds the blob of any chunk of the usual size; header and encryption add 44 bytes at most (spec 6.1). */
export const SLAB_BYTES: number = DEFAULT_CHUNK_SIZE + 4096;

interface Slab {
  readonly id: number;
  readonly buffer: SharedArrayBuffer;
  /** Of the latest loan: most chunks have the same length, and so need no other. */
  view: Uint8Array<SharedArrayBuffer>;
}

/** A slab that was lent for one chunk. */
export interface SlabLoan extends LentMemory {
  /** As long as was asked for. Not zeroed: whoever has it must overwrite it all. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
}

export interface SlabPoolOptions {
  /** Chunks that may have memory at a time. */
  readonly limit: number;
  /** Called when memory will not be lent again, so that nobody keeps it alive. */
  readonly onDropped?: (slab: number) => void;
}

/** Across pools: a thread may serve several. */
let lastId = 0;

/**
 * Memory for chunks from the socket to the target, shared by all threads, bounded and used again and again: the first
 * write to fresh memory costs page faults, and receiving 16 chunks at a time took 0.66 GB per CPU-second with new
 * buffers, 0.98 with used ones. A slab takes memory only as far as it was ever filled. A longer blob has memory of its
 * own, which counts as one slab and is dropped after use.
 */
export class SlabPool {
  readonly #permits: Permits;
  readonly #onDropped: (slab: number) => void;
  /** The one that was used last is taken first, while its bytes are still in a cache. */
  readonly #free: Slab[] = [];
  readonly #loans: Set<Loan> = new Set();
  #limit: number;

  constructor({ limit, onDropped = () => {} }: SlabPoolOptions) {
    this.#limit = limit;
    this.#permits = new Permits(limit);
    this.#onDropped = onDropped;
  }

  /** Chunks that have memory. */
  get lent(): number {
    return this.#loans.size;
  }

  /** Chunks that could have memory now. */
  get free(): number {
    return Math.max(0, this.#limit - this.#loans.size);
  }

  /** Bytes that this keeps, lent or not. */
  get bytes(): number {
    let sum = this.#free.length * SLAB_BYTES;
    for (const { buffer } of this.#loans) sum += buffer.byteLength;
    return sum;
  }

  /** A lower limit drops free memory at once, and what is lent when it comes back. */
  setLimit(limit: number): void {
    this.#limit = limit;
    this.#permits.setLimit(limit);
    while (this.#free.length > 0 && this.#loans.size + this.#free.length > limit) this.#drop(this.#free.shift());
  }

  /**
   * Memory for a blob of this length: at once where the limit allows it, or a promise for when others, in the order of
   * asking, have given theirs back. The promise rejects with the signal's reason when aborted.
   */
  take(length: number, signal: AbortSignal): SlabLoan | Promise<SlabLoan> {
    if (this.#permits.tryTake()) return this.#lend(length);
    return this.#permits.take(signal).then(() => this.#lend(length));
  }

  /**
   * Takes back whatever is still lent, dropped on the way by a restore that broke off. Only for when nothing can read or
   * write it any more: connections are closed, threads that had some of it have ended.
   */
  reclaim(): void {
    for (const loan of this.#loans) loan.giveBack();
  }

  #lend(length: number): SlabLoan {
    const slab = (length <= SLAB_BYTES ? this.#free.pop() : undefined) ?? newSlab(Math.max(length, SLAB_BYTES));
    if (slab.view.length !== length) slab.view = new Uint8Array(slab.buffer, 0, length);
    const loan = new Loan(slab, () => {
      this.#loans.delete(loan);
      const isKept = slab.buffer.byteLength === SLAB_BYTES && this.#loans.size + this.#free.length < this.#limit;
      if (isKept) this.#free.push(slab);
      else this.#drop(slab);
      this.#permits.give();
    });
    this.#loans.add(loan);
    return loan;
  }

  #drop(slab: Slab | undefined): void {
    if (slab !== undefined) this.#onDropped(slab.id);
  }
}

function newSlab(length: number): Slab {
  const buffer = new SharedArrayBuffer(length);
  lastId += 1;
  return { id: lastId, buffer, view: new Uint8Array(buffer, 0, 0) };
}

class Loan implements SlabLoan {
  readonly slab: number;
  readonly buffer: SharedArrayBuffer;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  #end: (() => void) | undefined;

  constructor({ id, buffer, view }: Slab, end: () => void) {
    this.slab = id;
    this.buffer = buffer;
    this.bytes = view;
    this.#end = end;
  }

  get isLent(): boolean {
    return this.#end !== undefined;
  }

  giveBack(): void {
    const end = this.#end;
    this.#end = undefined;
    end?.();
  }
}
