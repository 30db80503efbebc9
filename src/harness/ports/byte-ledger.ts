interface Waiting {
  readonly bytes: number;
  readonly grant: () => void;
}

/** A bound on bytes that are reserved at once; reservations are granted strictly in the order of their requests. */
export class ByteLedger {
  readonly #limitBytes: number;
  readonly #waiting: Set<Waiting> = new Set();
  #reservedBytes = 0;
  #waits = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get reservedBytes(): number {
    return this.#reservedBytes;
  }

  /** Reservations that could not be granted at once. */
  get waits(): number {
    return this.#waits;
  }

  /**
   * Resolves when the bytes are reserved: when they fit and nobody waits before them, or when nothing else is
   * reserved, however many they are. Rejects with the signal's reason, with nothing reserved, when aborted before that.
   */
  async reserve(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#waiting.size === 0 && this.#fits(bytes)) {
      this.#reservedBytes += bytes;
      return;
    }
    this.#waits += 1;
    await new Promise<void>((resolve, reject) => {
      const giveUp = (): void => {
        this.#waiting.delete(waiting);
        reject(signal.reason as Error);
        this.#grantNext();
      };
      const waiting: Waiting = {
        bytes,
        grant: () => {
          signal.removeEventListener('abort', giveUp);
          resolve();
        },
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.add(waiting);
    });
  }

  /** Gives bytes of earlier reservations back; negative where something turned out larger than was reserved. */
  release(bytes: number): void {
    this.#reservedBytes -= bytes;
    this.#grantNext();
  }

  #fits(bytes: number): boolean {
    return this.#reservedBytes === 0 || this.#reservedBytes + bytes <= this.#limitBytes;
  }

  #grantNext(): void {
    for (const waiting of this.#waiting) {
      if (!this.#fits(waiting.bytes)) return;
      this.#waiting.delete(waiting);
      this.#reservedBytes += waiting.bytes;
      waiting.grant();
    }
  }
}
