import type { PlainChunk, RestoreTarget } from '../../model/ports.ts';
import { Permits } from '../../model/permits.ts';

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
  readonly #permits: Permits;

  constructor(options: SerialWriterOptions) {
    this.#options = options;
    this.#permits = new Permits(options.writers);
  }

  async write(offset: number, chunk: PlainChunk): Promise<void> {
    await this.#begin(offset);
    try {
      await this.#options.target.write(offset, chunk);
    } finally {
      this.#permits.give();
    }
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    await this.#begin(offset);
    try {
      await this.#options.target.writeZeroes(offset, length);
    } finally {
      this.#permits.give();
    }
  }

  async finish(): Promise<void> {
    await this.#options.target.finish();
  }

  async #begin(offset: number): Promise<void> {
    await this.#permits.take(this.#options.signal);
    this.#options.onTaken?.(offset);
  }
}
