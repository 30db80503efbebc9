/** A fixed number of places, numbered from 0, given out in the order in which they were asked for. */
export class Places {
  readonly #free: number[];
  readonly #waiting: Set<(place: number) => void> = new Set();

  constructor(count: number) {
    if (!Number.isSafeInteger(count) || count < 1) throw new RangeError(`${count} places: at least 1 is needed`);
    this.#free = Array.from({ length: count }, (_, place) => count - 1 - place);
  }

  /** Resolves with the place taken; rejects with the signal's reason, and gives up the turn, when aborted before that. */
  async take(signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    const free = this.#free.pop();
    if (free !== undefined) return free;
    return await new Promise((resolve, reject) => {
      const accept = (place: number): void => {
        signal?.removeEventListener('abort', giveUp);
        resolve(place);
      };
      const giveUp = (): void => {
        this.#waiting.delete(accept);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.add(accept);
    });
  }

  /** Passes the place to whoever has waited longest. */
  give(place: number): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free.push(place);
      return;
    }
    this.#waiting.delete(next);
    next(place);
  }
}
