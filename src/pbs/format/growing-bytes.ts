/** The first memory that is taken: that of 1638 entries of a dynamic index. */
const FIRST_BYTES = 64 * 1024;

/** Bytes put one after the other, in memory that doubles as they arrive: an announced length costs nothing until it is there. */
export class GrowingBytes {
  #memory: Buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** A view of what is there; worthless after the next `add`. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  /** @param limit bytes that there will be at most: no more memory is taken */
  add(piece: Uint8Array, limit: number): void {
    const needed = this.#length + piece.length;
    if (needed > limit) throw new RangeError(`${needed} bytes of at most ${limit}`);
    if (needed > this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(limit, Math.max(FIRST_BYTES, 2 * this.#memory.length, needed)));
      larger.set(this.bytes);
      this.#memory = larger;
    }
    this.#memory.set(piece, this.#length);
    this.#length = needed;
  }
}
