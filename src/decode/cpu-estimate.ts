/** Samples that the median is taken of; a longer memory would follow a change of the clock rate too late. */
const REMEMBERED = 15;

/**
 * Tells from durations what a piece of work of about a millisecond costs in CPU time: never more than it took, nor more
 * than the median of the latest ones per byte, which leaves out the time in which the thread had no core. The kernel's
 * own account of a thread cannot tell: it is brought up to date only at ticks and switches, and over single CRC-32s of
 * 4 MiB read a third of the true value (getrusage, Linux 6).
 */
export class CpuEstimate {
  readonly #msPerByte: number[] = [];

  /** CPU milliseconds of a piece of work over so many bytes that took so long. */
  note(durationMs: number, bytes: number): number {
    if (bytes === 0) return durationMs;
    this.#msPerByte.push(durationMs / bytes);
    if (this.#msPerByte.length > REMEMBERED) this.#msPerByte.shift();
    const median = this.#msPerByte.toSorted((a, b) => a - b)[(this.#msPerByte.length - 1) >> 1] ?? 0;
    return Math.min(durationMs, median * bytes);
  }
}
