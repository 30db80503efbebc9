/** Where a run of bytes begins, and how many there are. */
export type ByteRange = readonly [offset: number, length: number];

/** A set of bytes of an image, kept as sorted ranges that neither overlap nor touch. */
export class ByteRanges implements Iterable<ByteRange> {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #bytes = 0;

  constructor(ranges: Iterable<ByteRange> = []) {
    for (const [offset, length] of ranges) this.add(offset, length);
  }

  /** How many bytes are in it. */
  get bytes(): number {
    return this.#bytes;
  }

  add(offset: number, length: number): void {
    if (length <= 0) return;
    let [start, end] = [offset, offset + length];
    const first = firstAtLeast(this.#ends, start);
    let last = first;
    for (; last < this.#starts.length && this.#startAt(last) <= end; last += 1) {
      this.#bytes -= this.#endAt(last) - this.#startAt(last);
      start = Math.min(start, this.#startAt(last));
      end = Math.max(end, this.#endAt(last));
    }
    this.#starts.splice(first, last - first, start);
    this.#ends.splice(first, last - first, end);
    this.#bytes += end - start;
  }

  /** Whether all of these bytes are in it. */
  covers(offset: number, length: number): boolean {
    if (length <= 0) return true;
    const at = firstAtLeast(this.#ends, offset + length);
    return at < this.#starts.length && this.#startAt(at) <= offset;
  }

  *[Symbol.iterator](): Generator<ByteRange, void, undefined> {
    for (const [at, start] of this.#starts.entries()) yield [start, this.#endAt(at) - start];
  }

  #startAt(at: number): number {
    return this.#starts[at] ?? Infinity;
  }

  #endAt(at: number): number {
    return this.#ends[at] ?? Infinity;
  }
}

/** Index of the first of ascending numbers that is not below `value`; their count where all are. */
function firstAtLeast(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? Infinity) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
