import type { PlainChunk, RestoreTarget } from '../../model/ports.ts';
import { Places } from '../../strategy/places.ts';

export interface SerialWriterOptions {
  readonly target: RestoreTarget;
  /** Writes at a time; at least 1. */
  readonly writers: number;
  /** Writes that still wait for the writer when it is aborted reject with its reason; one that has begun goes on. */
  readonly signal: AbortSignal;
  /** Called when the writer takes a write, before the target sees it. */
  readonly onTaken?: (offset: number) => void;
}

/** Lets at most `writers` writes, zeros included, reach the target at a time, in the order of the calls. */
export class SerialWriter implements RestoreTarget {
  readonly #options: SerialWriterOptions;
  readonly #places: Places;

  constructor(options: SerialWriterOptions) {
    this.#options = options;
    this.#places = new Places(options.writers);
  }

  async write(offset: number, chunk: PlainChunk): Promise<void> {
    const place = await this.#begin(offset);
    try {
      await this.#options.target.write(offset, chunk);
    } finally {
      this.#places.give(place);
    }
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    const place = await this.#begin(offset);
    try {
      await this.#options.target.writeZeroes(offset, length);
    } finally {
      this.#places.give(place);
    }
  }

  async finish(): Promise<void> {
    await this.#options.target.finish();
  }

  async #begin(offset: number): Promise<number> {
    const place = await this.#places.take(this.#options.signal);
    this.#options.onTaken?.(offset);
    return place;
  }
}
