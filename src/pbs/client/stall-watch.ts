import { ServerError } from '../../model/errors.ts';
import type { Clock } from '../../model/ports.ts';

export interface StallWatchOptions {
  readonly clock: Clock;
  /** Host and port, for the error text. */
  readonly place: string;
  readonly stallMs: number;
  /** Fewer bytes within `stallMs`, and no request done, count as nothing. */
  readonly leastBytes: number;
  /** Bytes that the connection has carried so far: those that came in, and those that went out where that is the work. */
  readonly carriedBytes: () => number;
  /** Called once. */
  readonly onStall: (error: ServerError) => void;
}

/** How often a connection is looked at within `stallMs`. */
const LOOKS = 4;

/**
 * Tells when a connection carries nothing to speak of although requests wait: neither so many bytes nor the end of a
 * request. Single bytes and PINGs would keep a dead restore waiting for ever. One slow answer among others that move is
 * no stall, since a server may send one body after the other; the delay of a link that is merely slow is not either.
 */
export class StallWatch {
  readonly #options: StallWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #waiting = 0;
  #seenBytes = 0;
  #silentMs = 0;
  #lookedMs = 0;
  #hasEnded = false;

  constructor(options: StallWatchOptions) {
    this.#options = options;
  }

  /** One more request waits. */
  begin(): void {
    this.#waiting += 1;
    if (this.#waiting > 1) return;
    this.#hasEnded = false;
    this.#seenBytes = this.#options.carriedBytes();
    this.#silentMs = 0;
    this.#lookedMs = this.#options.clock.now();
    this.#timer = setInterval(() => this.#look(), this.#options.stallMs / LOOKS);
  }

  /** One fewer. */
  end(): void {
    this.#waiting -= 1;
    this.#hasEnded = true;
    if (this.#waiting === 0) clearInterval(this.#timer);
  }

  #look(): void {
    const { clock, place, stallMs, leastBytes, carriedBytes, onStall } = this.#options;
    const bytes = carriedBytes();
    const nowMs = clock.now();
    // A process that was stopped (Ctrl-Z) or had no core finds its timer due before it reads what has arrived meanwhile.
    const passedMs = Math.min(nowMs - this.#lookedMs, stallMs / LOOKS);
    this.#lookedMs = nowMs;
    if (this.#hasEnded || bytes - this.#seenBytes >= leastBytes) {
      this.#seenBytes = bytes;
      this.#silentMs = 0;
      this.#hasEnded = false;
      return;
    }
    this.#silentMs += passedMs;
    if (this.#silentMs < stallMs) return;
    clearInterval(this.#timer);
    const carried = bytes - this.#seenBytes;
    const what = carried === 0 ? 'nothing' : `only ${carried} bytes`;
    const message = `the connection to ${place} has carried ${what} for ${stallMs} ms`;
    onStall(new ServerError(message, { code: 'stalled', hint: 'is the server overloaded, or the network blocked?' }));
  }
}
