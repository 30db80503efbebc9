/**
 * A rate shared by everything that passes it, as arithmetic on times instead of tokens: bytes leave at
 * `max(arrival, free) + bytes / rate`, in the order in which they are reserved. Pure; times are milliseconds of any
 * one clock.
 */
export class RateSchedule {
  #bytesPerMs = Infinity;
  #freeAtMs = -Infinity;
  #reservedMs = 0;
  #countedMs = 0;

  /** Undefined takes the limit away. Holds for later reservations; those made keep their times. */
  setRate(bytesPerSecond: number | undefined): void {
    this.#bytesPerMs = (bytesPerSecond ?? Infinity) / 1000;
  }

  get isLimited(): boolean {
    return this.#bytesPerMs !== Infinity;
  }

  /**
   * Returns when the last of `bytes` has passed; never before `arrivalMs`. Arrivals need not be in order. Bytes that
   * are known to have waited before they arrived may use up to `waitedMs` of what was free in that time.
   */
  reserve(arrivalMs: number, bytes: number, waitedMs: number = 0): number {
    if (!this.isLimited) return Math.max(arrivalMs, this.#freeAtMs);
    const durationMs = bytes / this.#bytesPerMs;
    this.#freeAtMs = Math.max(arrivalMs - waitedMs, this.#freeAtMs) + durationMs;
    this.#reservedMs += durationMs;
    return Math.max(arrivalMs, this.#freeAtMs);
  }

  /** Time since the last `resetBusy` for which bytes were passing at the declared rate. */
  busyMs(nowMs: number): number {
    return Math.max(0, this.#passedMs(nowMs) - this.#countedMs);
  }

  resetBusy(nowMs: number): void {
    this.#countedMs = this.#passedMs(nowMs);
  }

  // Arrivals are not after now, so whatever is reserved beyond now is one unbroken stretch.
  #passedMs(nowMs: number): number {
    return this.#reservedMs - Math.max(0, this.#freeAtMs - nowMs);
  }
}
