/**
 * Sums counters over parts that come and go (threads of a process, connections of a port, processes in one role). What a
 * part had counted when it was last seen stays in the sum, so that the sum only grows.
 */
export class SurvivingSum<Key> {
  readonly #ended: Float64Array;
  #current: Map<Key, readonly number[]> = new Map();
  #previous: Map<Key, readonly number[]> = new Map();

  /** `width` counters per part. */
  constructor(width: number) {
    this.#ended = new Float64Array(width);
  }

  /** One reading: all parts that are there now, each with its counters. Returns the sums. */
  add(parts: Iterable<readonly [Key, readonly number[]]>): readonly number[] {
    [this.#previous, this.#current] = [this.#current, this.#previous];
    this.#current.clear();
    const sums = Float64Array.from(this.#ended);
    for (const [key, counters] of parts) {
      const before = this.#previous.get(key);
      // A key whose counter fell is another part with the same name, e.g. a port that was used again.
      const isSame = before === undefined || counters.every((count, index) => count >= (before[index] ?? 0));
      if (isSame) this.#previous.delete(key);
      this.#current.set(key, counters);
      for (let index = 0; index < sums.length; index += 1) sums[index] = (sums[index] ?? 0) + (counters[index] ?? 0);
    }
    for (const counters of this.#previous.values()) {
      for (let index = 0; index < sums.length; index += 1) {
        const count = counters[index] ?? 0;
        this.#ended[index] = (this.#ended[index] ?? 0) + count;
        sums[index] = (sums[index] ?? 0) + count;
      }
    }
    this.#previous.clear();
    return [...sums];
  }
}
