interface Entry<Item> {
  readonly item: Item;
  readonly dueMs: number;
}

/**
 * What is under way in one direction of one connection, in order. Every item has its own due time, so that any number
 * can be under way at once; an item never overtakes an earlier one, whatever its own delay (TCP delivers in order).
 * Pure; times are milliseconds of any one clock.
 */
export class DelayLine<Item> {
  #entries: Entry<Item>[] = [];
  #head = 0;
  #lastDueMs = -Infinity;

  /** Returns the time at which the item is due, which is that of the item before it if that is later. */
  push(item: Item, dueMs: number): number {
    this.#lastDueMs = Math.max(this.#lastDueMs, dueMs);
    this.#entries.push({ item, dueMs: this.#lastDueMs });
    return this.#lastDueMs;
  }

  /** When the first item is due; Infinity when there is none. */
  get nextDueMs(): number {
    return this.#entries[this.#head]?.dueMs ?? Infinity;
  }

  /** When everything in it is out; a time in the past when it is empty. */
  get lastDueMs(): number {
    return this.#lastDueMs;
  }

  get isEmpty(): boolean {
    return this.#head === this.#entries.length;
  }

  /** The first item if it is due, left where it is. */
  peekDue(nowMs: number): Item | undefined {
    const entry = this.#entries[this.#head];
    return entry === undefined || entry.dueMs > nowMs ? undefined : entry.item;
  }

  /** Takes the first item, due or not. */
  shift(): Item | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return undefined;
    this.#head += 1;
    if (this.isEmpty) {
      this.#entries.length = 0;
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return entry.item;
  }
}
