import type { Clock } from '../../src/model/ports.ts';

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** Time that passes only in `run`, from sleeper to sleeper; everything that can happen at one time happens first. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  readonly #sleepers: Sleeper[] = [];

  now(): number {
    return this.#nowMs;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#sleepers.push({ atMs: this.#nowMs + Math.max(0, ms), wake: resolve });
    });
  }

  /** Runs until nobody sleeps any more, or until `untilMs`. */
  async run(untilMs: number = Infinity): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const next = Math.min(...this.#sleepers.map(({ atMs }) => atMs));
      if (next > untilMs || next === Infinity) break;
      this.#nowMs = next;
      const index = this.#sleepers.findIndex(({ atMs }) => atMs === next);
      this.#sleepers.splice(index, 1)[0]?.wake();
    }
    if (untilMs !== Infinity) this.#nowMs = untilMs;
  }
}
