import type { WindowControl } from './window-control.ts';
import { windowSearch, type WindowTrial } from './window-search.ts';

/** A measurement in which so large a share of the places was unused says little about the window. */
const MOST_UNUSED = 0.1;

/**
 * The window that {@link windowSearch} asks for, and the measuring of its rate: chunks under way divided by their mean
 * latency (Little's law), which bursts do not distort as they do a count of chunks in a time. After a change it waits for all chunks
 * that were under way, so that what it measures is the new window's. A measurement in which the window was not kept
 * full, as when zeros are written, is done again.
 */
export class FastestWindow implements WindowControl {
  readonly #search: Generator<WindowTrial, never, number>;
  #trial: WindowTrial;
  #inFlight = 0;
  /** Chunks to be written before the measurement: those under way at the change, and those requested because of it. */
  #settling = 0;
  #startedMs: number;
  #chunks = 0;
  #latencyMs = 0;
  /** Unused places times milliseconds. */
  #unused = 0;
  #unusedUntilMs: number;

  /** @param bound the largest window */
  constructor(bound: number, nowMs: number) {
    this.#search = windowSearch(bound);
    this.#trial = this.#search.next().value;
    this.#startedMs = nowMs;
    this.#unusedUntilMs = nowMs;
  }

  get limit(): number {
    return this.#trial.window;
  }

  nextPauseMs(): number {
    return 0;
  }

  requested(nowMs: number): void {
    this.#integrate(nowMs);
    this.#inFlight += 1;
  }

  written(nowMs: number, requestedMs: number): void {
    this.#integrate(nowMs);
    this.#inFlight -= 1;
    if (this.#settling > 0) {
      this.#settling -= 1;
      if (this.#settling === 0) this.#begin(nowMs);
      return;
    }
    this.#chunks += 1;
    this.#latencyMs += nowMs - requestedMs;
    if (this.#chunks < this.#trial.chunks) return;
    const meanUnused = this.#unused === 0 ? 0 : this.#unused / (nowMs - this.#startedMs);
    const { window } = this.#trial;
    if (meanUnused <= MOST_UNUSED * window) this.#decide(((window - meanUnused) * this.#chunks) / this.#latencyMs);
    this.#begin(nowMs);
  }

  #decide(rate: number): void {
    const { window } = this.#trial;
    this.#trial = this.#search.next(rate).value;
    if (this.#trial.window !== window) this.#settling = Math.max(this.#inFlight, this.#trial.window);
  }

  #begin(nowMs: number): void {
    this.#startedMs = nowMs;
    this.#chunks = 0;
    this.#latencyMs = 0;
    this.#unused = 0;
  }

  #integrate(nowMs: number): void {
    this.#unused += Math.max(0, this.#trial.window - this.#inFlight) * (nowMs - this.#unusedUntilMs);
    this.#unusedUntilMs = nowMs;
  }
}
