import { KiB, MiB } from '../model/units.ts';

/**
 * Largest single read. Below it system calls dominate; above it the bytes have left the core's cache before they are
 * written again.
 */
export const SLAB_BYTES: number = 256 * KiB;

/** Slabs kept for reuse; a page that was touched before costs no page fault. */
const MAX_FREE_SLABS: number = (64 * MiB) / SLAB_BYTES;

/** Memory that socket reads fill from front to back, free again when its reader and every part of it are released. */
export interface Slab {
  readonly bytes: Buffer;
  filled: number;
  references: number;
}

/** Reuses slabs, so that relaying allocates nothing once it runs. */
export class SlabPool {
  readonly #free: Slab[] = [];

  /** An empty slab with one reference. */
  take(): Slab {
    const slab = this.#free.pop() ?? { bytes: Buffer.allocUnsafeSlow(SLAB_BYTES), filled: 0, references: 0 };
    slab.filled = 0;
    slab.references = 1;
    return slab;
  }

  release(slab: Slab): void {
    slab.references -= 1;
    if (slab.references === 0 && slab.bytes.length === SLAB_BYTES && this.#free.length < MAX_FREE_SLABS)
      this.#free.push(slab);
  }
}
