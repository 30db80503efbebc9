/** Lets a fixed number of holders at a time through, first come first served. */
export class SendTurns {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  /** @param count how many may hold a turn at the same time, at least 1 */
  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves, when it is the caller's turn, with the function that gives the turn back; call it exactly once. */
  async take(): Promise<() => void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return () => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    };
  }
}
