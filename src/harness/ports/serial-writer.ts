import type { Clock, PlainChunk, RestoreTarget } from '../../model/ports.ts';
import { Places } from '../../strategy/places.ts';

export interface SerialWriterOptions {
  readonly target: RestoreTarget;
  /** Writes at a time; at least 1. */
  readonly writers: number;
  readonly clock: Clock;
  /** Writes that still wait for the writer when it is aborted reject with its reason; one that has begun goes on. */
  readonly signal: AbortSignal;
  /** Called when the writer takes a write, before the target sees it. */
  readonly onTaken?: (offset: number) => void;
}

/** Lets at most `writers` writes, zeros included, reach the target at a time, in the order of the calls. */
export class SerialWriter implements RestoreTarget {
  readonly #options: SerialWriterOptions;
  readonly #places: Places;
  #running = 0;
  #busySinceMs = 0;
  #busyMs = 0;

  constructor(options: SerialWriterOptions) {
    this.#options = options;
    this.#places = new Places(options.writers);
  }

  /** Time for which at least one write was running. */
  get busyMs(): number {
    return this.#busyMs + (this.#running === 0 ? 0 : this.#options.clock.now() - this.#busySinceMs);
  }

  async write(offset: number, chunk: PlainChunk): Promise<void> {
    const place = await this.#begin(offset);
    try {
      await this.#options.target.write(offset, chunk);
    } finally {
      this.#end(place);
    }
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    const place = await this.#begin(offset);
    try {
      await this.#options.target.writeZeroes(offset, length);
    } finally {
      this.#end(place);
    }
  }

  async finish(): Promise<void> {
    await this.#options.target.finish();
  }

  async #begin(offset: number): Promise<number> {
    const { clock, signal, onTaken } = this.#options;
    const place = await this.#places.take(signal);
    if (this.#running === 0) this.#busySinceMs = clock.now();
    this.#running += 1;
    onTaken?.(offset);
    return place;
  }

  #end(place: number): void {
    this.#running -= 1;
    if (this.#running === 0) this.#busyMs += this.#options.clock.now() - this.#busySinceMs;
    this.#places.give(place);
  }
}
