import { Permits } from '../../model/permits.ts';
import type { EmulatedStorage } from '../../storage/emulated-storage.ts';

/**
 * Chunks that one connection may have in memory beyond those that its disk must read at once: 128 MiB of 4 MiB chunks,
 * many times what any socket takes at a time, so that it never waits for a read that could have been made before.
 */
const CHUNKS_AHEAD = 32;

/**
 * Bounds the chunks that a connection has in memory, being read or waiting to be sent, so that reading follows what can
 * be sent: 200 requests at once over a slow line would otherwise be 800 MiB. First come first served.
 */
export class ReadAhead {
  readonly #storage: EmulatedStorage;
  readonly #memory: Permits;

  constructor(storage: EmulatedStorage) {
    this.#storage = storage;
    this.#memory = new Permits(CHUNKS_AHEAD + storage.parallelReads);
  }

  /**
   * Resolves when there is room for one more chunk, with what gives the room back; more calls of that do nothing. It is
   * given back by itself when the signal is aborted. Rejects with the signal's reason when aborted before.
   */
  async take(signal: AbortSignal): Promise<() => void> {
    await this.#storage.waitForMemory(this.#memory, signal);
    let isHeld = true;
    const give = (): void => {
      signal.removeEventListener('abort', give);
      if (isHeld) this.#memory.give();
      isHeld = false;
    };
    if (signal.aborted) give();
    else signal.addEventListener('abort', give, { once: true });
    return give;
  }
}
