/** Lets a number of holders at a time through, first come first served. */
export class Permits {
  readonly #waiting: Set<() => void> = new Set();
  #limit: number;
  #taken = 0;

  /** @param limit how many may hold one at the same time, at least 1; Infinity for any number */
  constructor(limit: number) {
    this.#limit = checked(limit, 1);
  }

  /** Held now. */
  get taken(): number {
    return this.#taken;
  }

  /** Asked for and not given yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * A lower one takes effect when enough were given back, a higher one at once.
   * @param limit 0 to let nobody in until it is raised
   */
  setLimit(limit: number): void {
    this.#limit = checked(limit, 0);
    this.#admit();
  }

  /** Takes one if that needs no waiting, and says whether it did. */
  tryTake(): boolean {
    if (this.#taken >= this.#limit || this.#waiting.size > 0) return false;
    this.#taken += 1;
    return true;
  }

  /**
   * Resolves when the caller has one, to be given back exactly once; it counts as taken before this returns where one
   * is free. Rejects with the signal's reason, and gives up the turn, when aborted before that.
   */
  async take(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.tryTake()) return;
    await new Promise<void>((resolve, reject) => {
      const accept = (): void => {
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = (): void => {
        this.#waiting.delete(accept);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.add(accept);
    });
  }

  /** Passes it to whoever has waited longest. */
  give(): void {
    this.#taken -= 1;
    this.#admit();
  }

  #admit(): void {
    for (const accept of this.#waiting) {
      if (this.#taken >= this.#limit) return;
      this.#waiting.delete(accept);
      this.#taken += 1;
      accept();
    }
  }
}

function checked(limit: number, least: number): number {
  if (limit !== Infinity && (!Number.isSafeInteger(limit) || limit < least))
    throw new RangeError(`${limit} permits: a whole number from ${least} is needed`);
  return limit;
}
