import type { Clock } from '../model/ports.ts';

/** Adds up the time for which at least one of several overlapping activities was running. */
export class BusyTime {
  readonly #clock: Clock;
  #running = 0;
  #sinceMs = 0;
  #totalMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get totalMs(): number {
    return this.#running === 0 ? this.#totalMs : this.#totalMs + this.#clock.now() - this.#sinceMs;
  }

  async during<Result>(activity: () => Promise<Result>): Promise<Result> {
    if (this.#running === 0) this.#sinceMs = this.#clock.now();
    this.#running += 1;
    try {
      return await activity();
    } finally {
      this.#running -= 1;
      if (this.#running === 0) this.#totalMs += this.#clock.now() - this.#sinceMs;
    }
  }
}
