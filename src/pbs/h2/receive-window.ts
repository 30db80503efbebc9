/** How much of a window is used up before it is given back, unless configured; node:http2 does the same. */
export const DEFAULT_UPDATE_THRESHOLD = 0.5;

/** What the other end may still send, on a stream or on the connection (RFC 9113 section 6.9). */
export class ReceiveWindow {
  readonly sizeBytes: number;
  readonly #updateAtBytes: number;
  #used = 0;
  #consumed = 0;

  /**
   * @param threshold share of the window, above 0 and at most 1, whose use brings the next WINDOW_UPDATE
   * @param announcedBytes what the other end takes the window for once it knows our settings, where that is less
   */
  constructor(sizeBytes: number, threshold: number, announcedBytes: number = sizeBytes) {
    this.sizeBytes = sizeBytes;
    this.#updateAtBytes = Math.max(1, Math.floor(Math.min(sizeBytes, announcedBytes) * threshold));
  }

  /** Received or announced by a frame's header, and not given back. */
  get usedBytes(): number {
    return this.#used;
  }

  /** Takes the payload of a DATA frame off the window, padding included. Returns false where it is longer than that. */
  receive(bytes: number): boolean {
    this.#used += bytes;
    return this.#used <= this.sizeBytes;
  }

  /** So many of the received bytes need no memory any more. Returns the increment of a WINDOW_UPDATE that is due, or 0. */
  consume(bytes: number): number {
    this.#consumed += bytes;
    if (this.#consumed < this.#updateAtBytes) return 0;
    const increment = this.#consumed;
    this.#used -= increment;
    this.#consumed = 0;
    return increment;
  }
}
