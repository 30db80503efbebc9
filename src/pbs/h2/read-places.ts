/** What a read from TLS brings at most: one record (RFC 8446 section 5.1). */
export const RECORD_BYTES: number = 16 * 1024;

const known: WeakMap<ArrayBufferLike, ReadPlaces> = new WeakMap();

/**
 * Views of one record's length into memory that is received into again and again. They are kept, since records mostly
 * begin where those of the chunk before began: a view for each read is what else would be allocated most.
 */
export class ReadPlaces {
  readonly #memory: ArrayBufferLike;
  readonly #views: (Uint8Array | undefined)[] = [];

  private constructor(memory: ArrayBufferLike) {
    this.#memory = memory;
  }

  /** Those of this memory, for as long as it lives. */
  static of(memory: ArrayBufferLike): ReadPlaces {
    let places = known.get(memory);
    if (places === undefined) {
      places = new ReadPlaces(memory);
      known.set(memory, places);
    }
    return places;
  }

  /** So many bytes from `offset` on, or only the first record of them. */
  at(offset: number, length: number): Uint8Array {
    if (length < RECORD_BYTES) return new Uint8Array(this.#memory, offset, length);
    const index = Math.floor(offset / RECORD_BYTES);
    const kept = this.#views[index];
    if (kept?.byteOffset === offset) return kept;
    const view = new Uint8Array(this.#memory, offset, RECORD_BYTES);
    this.#views[index] = view;
    return view;
  }
}
