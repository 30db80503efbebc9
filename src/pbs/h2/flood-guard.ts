import { ConnectionFault, errorCodes } from './http2-error.ts';

/**
 * Frames that cost work and carry nothing: at once, and for each second afterwards. A client that aborts all 200
 * streams of a connection, or measures its round trip with PINGs, stays far below; the known attacks (CVE-2019-9512 to
 * 9518, CVE-2023-44487) send some ten thousand a second.
 */
const BURST = 2000;
const PER_SECOND = 500;

/** Ends a connection whose other end sends frames for their own sake (RFC 9113 section 10.5). */
export class FloodGuard {
  readonly #now: () => number;
  #left: number = BURST;
  #countedAtMs: number;

  /** @param now milliseconds, monotonic */
  constructor(now: () => number) {
    this.#now = now;
    this.#countedAtMs = now();
  }

  /** @throws ConnectionFault ENHANCE_YOUR_CALM */
  count(what: string): void {
    this.#left -= 1;
    if (this.#left >= 0) return;
    const nowMs = this.#now();
    this.#left = Math.min(BURST, this.#left + Math.floor(((nowMs - this.#countedAtMs) * PER_SECOND) / 1000));
    this.#countedAtMs = nowMs;
    if (this.#left < 0) throw new ConnectionFault(errorCodes.enhanceYourCalm, `too many frames of the kind ${what}`);
  }
}
