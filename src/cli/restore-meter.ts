import type { Image } from '../model/image.ts';
import type { Clock } from '../model/ports.ts';
import type { RestoredBytes } from '../restore/restore-counter.ts';
import type { RestoreExtent, RestoreFigures } from './restore-progress.ts';

export interface RestoreMeterOptions {
  /** What is to be restored, without what is there. */
  readonly image: Image;
  readonly thereBytes: number;
  /** Over all connections so far. */
  readonly receivedBytes: () => number;
  readonly clock: Clock;
}

/** Turns what a restore has moved into figures; its time begins when this is made. */
export class RestoreMeter {
  readonly extent: RestoreExtent;
  readonly #options: RestoreMeterOptions;
  readonly #receivedBefore: number;
  readonly #startedMs: number;

  constructor(options: RestoreMeterOptions) {
    const { image, thereBytes, receivedBytes, clock } = options;
    let dataBytes = 0;
    for (const { length, isZero } of image.slots()) if (!isZero) dataBytes += length;
    this.extent = { logicalBytes: image.size, thereBytes, dataBytes };
    this.#options = options;
    this.#receivedBefore = receivedBytes();
    this.#startedMs = clock.now();
  }

  read({ logical, data, unique }: RestoredBytes): RestoreFigures {
    const { clock, receivedBytes } = this.#options;
    return {
      logical,
      data,
      unique,
      wire: receivedBytes() - this.#receivedBefore,
      elapsedMs: clock.now() - this.#startedMs,
    };
  }
}
