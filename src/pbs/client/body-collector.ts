import { responseTooLong } from '../transport/transport-errors.ts';

const FIRST_BYTES = 16 * 1024;

/** Collects a body of unknown length into memory that grows with it, up to a bound. */
export class BodyCollector {
  readonly #what: string;
  readonly #maxBytes: number;
  #memory: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #length = 0;

  constructor(what: string, maxBytes: number) {
    this.#what = what;
    this.#maxBytes = maxBytes;
  }

  /** @throws ServerError `response-too-long` */
  add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#maxBytes) throw responseTooLong(this.#what, this.#maxBytes);
    if (length > this.#memory.length) {
      const larger = new Uint8Array(Math.max(FIRST_BYTES, length, 2 * this.#memory.length));
      larger.set(this.bytes);
      this.#memory = larger;
    }
    this.#memory.set(piece, this.#length);
    this.#length = length;
  }

  /** What has arrived so far. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#memory.subarray(0, this.#length);
  }
}
