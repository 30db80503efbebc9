import type { WindowControl } from './window-control.ts';

/** Latency beyond the base at which the restore gives way, as a share of the base: what others may lose to it. */
const TARGET = 0.1;

/** Recovery: a chunk for each round of the window, and below one chunk so much of its time. */
const RECOVERED_SHARE = 0.05;

/** The least it takes: one chunk under way for this share of the time. */
const LEAST = 0.1;

/** The share taken in quiet phases, in which the base is learned. */
const QUIET = 0.5;
const FIRST_QUIET_CHUNKS = 8;
const QUIET_CHUNKS = 4;
const ROUNDS_BETWEEN_QUIET = 128;

/** Latencies of the newest chunks that were alone, which tell the base. */
const BASE_SAMPLES = 16;

/** So that a path that is free again is noticed soon. A pause is no stall: the harness does not count it as one. */
const LONGEST_PAUSE_MS = 5000;

/** Its multiples spread pauses evenly over their range without a pattern, the same way in every restore. */
const GOLDEN_RATIO = 0.618_033_988_749_895;

/**
 * A window that takes what others leave. It compares the latency of its chunks with that of chunks that were alone on
 * the path, in the manner of LEDBAT (RFC 6817): while the extra delay stays below a target the window grows, by doubling
 * until the first time that it does not, then by one chunk for each window full; above it, it shrinks by the square of
 * the excess, to half at most, whoever caused the delay. One chunk under way is too much for a disk that serves one
 * read at a time, so a window below one is a pause before each chunk.
 *
 * The base is learned in quiet phases, with pauses: at the start, now and then, and whenever the window is below one.
 * Pauses differ in length. A restore that always asks in the rhythm of another would find it at the disk each time and
 * take the shared time for its own.
 */
export class PoliteWindow implements WindowControl {
  readonly #bound: number;
  readonly #aloneMs: number[] = [];
  /** Chunks under way; below 1 the share of time with one. */
  #allowance: number = QUIET;
  #quietLeft: number = FIRST_QUIET_CHUNKS;
  #allowanceAfterQuiet = 1;
  #isDoubling = true;
  #rounds = 0;
  #pauses = 0;
  #inFlight = 0;
  /** Chunks that were under way at a change and say nothing about what it did. */
  #settling = 0;
  #roundChunks = 0;
  #roundLatencyMs = 0;

  /** @param bound the largest window */
  constructor(bound: number) {
    this.#bound = bound;
  }

  get limit(): number {
    return Math.max(1, Math.floor(this.#allowance));
  }

  nextPauseMs(): number {
    if (this.#allowance >= 1) return 0;
    this.#pauses += 1;
    const spread = 0.5 + ((this.#pauses * GOLDEN_RATIO) % 1);
    return Math.min(LONGEST_PAUSE_MS, this.#baseMs() * (1 / this.#allowance - 1) * spread);
  }

  requested(): void {
    this.#inFlight += 1;
  }

  written(nowMs: number, requestedMs: number): void {
    const latencyMs = nowMs - requestedMs;
    this.#inFlight -= 1;
    if (this.#settling > 0) {
      this.#settling -= 1;
      return;
    }
    if (this.#allowance < 1) this.#wasAlone(latencyMs);
    if (this.#quietLeft > 0) {
      this.#quietLeft -= 1;
      if (this.#quietLeft === 0) this.#allowance = this.#allowanceAfterQuiet;
      return;
    }
    this.#roundChunks += 1;
    this.#roundLatencyMs += latencyMs;
    if (this.#roundChunks < this.limit) return;
    this.#endRound(this.#roundLatencyMs / this.#roundChunks);
    this.#roundChunks = 0;
    this.#roundLatencyMs = 0;
    this.#settling = this.#inFlight;
  }

  #endRound(latencyMs: number): void {
    const baseMs = this.#baseMs();
    if (latencyMs > baseMs * (1 + TARGET)) {
      this.#isDoubling = false;
      this.#allowance = Math.max(LEAST, this.#allowance * Math.max(0.5, (baseMs / latencyMs) ** 2));
    } else {
      const more = this.#isDoubling ? this.#allowance : this.#allowance < 1 ? RECOVERED_SHARE : 1;
      this.#allowance = Math.min(this.#bound, this.#allowance + more);
    }
    this.#rounds += 1;
    if (this.#rounds % ROUNDS_BETWEEN_QUIET === 0 && this.#allowance >= 1) {
      this.#quietLeft = QUIET_CHUNKS;
      this.#allowanceAfterQuiet = this.#allowance;
      this.#allowance = QUIET;
    }
  }

  #wasAlone(latencyMs: number): void {
    this.#aloneMs.push(latencyMs);
    if (this.#aloneMs.length > BASE_SAMPLES) this.#aloneMs.shift();
  }

  /** The second shortest: one chunk that happened to be small or cached must not set it. */
  #baseMs(): number {
    const sorted = this.#aloneMs.toSorted((a, b) => a - b);
    return sorted[1] ?? sorted[0] ?? 0;
  }
}
