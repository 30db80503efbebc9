import { ServerError } from '../../model/errors.ts';
import type { Clock } from '../../model/ports.ts';

export interface StallWatchOptions {
  readonly clock: Clock;
  /** Host and port, for the error text. */
  readonly place: string;
  readonly stallMs: number;
  /** Bytes that have come in on the connection so far. */
  readonly receivedBytes: () => number;
  /** Called once. */
  readonly onStall: (error: ServerError) => void;
}

/**
 * Tells when nothing at all arrives on a connection although requests wait. One slow answer among others that move is
 * no stall; the delay of a link that is merely slow is not either.
 */
export class StallWatch {
  readonly #options: StallWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #waiting = 0;
  #seenBytes = 0;
  #seenMs = 0;

  constructor(options: StallWatchOptions) {
    this.#options = options;
  }

  /** One more request waits. */
  begin(): void {
    this.#waiting += 1;
    if (this.#waiting > 1) return;
    this.#seenBytes = this.#options.receivedBytes();
    this.#seenMs = this.#options.clock.now();
    this.#timer = setInterval(() => this.#look(), this.#options.stallMs / 4);
  }

  /** One fewer. */
  end(): void {
    this.#waiting -= 1;
    if (this.#waiting === 0) clearInterval(this.#timer);
  }

  #look(): void {
    const { clock, place, stallMs, receivedBytes, onStall } = this.#options;
    const bytes = receivedBytes();
    const nowMs = clock.now();
    if (bytes !== this.#seenBytes) {
      this.#seenBytes = bytes;
      this.#seenMs = nowMs;
    } else if (nowMs - this.#seenMs >= stallMs) {
      clearInterval(this.#timer);
      const message = `nothing has arrived from ${place} for ${stallMs} ms`;
      onStall(new ServerError(message, { code: 'stalled', hint: 'is the server overloaded, or the network blocked?' }));
    }
  }
}
