import { estimateRate, type Estimate } from './estimate.ts';

/** A TCP connection is still growing its window before this share of the bytes has come ... */
const STEADY_FROM = 0.25;
/** ... and the last requests have no others beside them after this one. */
const STEADY_UNTIL = 0.9;

/** Equal parts of the steady time, whose rates tell how steady it was. */
const PARTS = 8;

/** The bytes of a transfer as they arrive, and the rate of its steady part. Times are milliseconds of any one clock. */
export class Transfer {
  readonly #timesMs: number[] = [];
  readonly #totals: number[] = [];

  add(atMs: number, bytes: number): void {
    this.#timesMs.push(atMs);
    this.#totals.push(this.bytes + bytes);
  }

  get bytes(): number {
    return this.#totals.at(-1) ?? 0;
  }

  /** Bytes per second of the steady part; undefined when too little came to tell. */
  steadyRate(): Estimate | undefined {
    const { fromMs, untilMs, rates } = this.#steadyParts();
    return rates.length === 0 ? undefined : estimateRate(this.#rate(fromMs, untilMs), rates);
  }

  /** Bytes per second of the fastest of its equal parts: what the way allows, whatever disturbed the others. */
  fastestRate(): number | undefined {
    const { rates } = this.#steadyParts();
    return rates.length === 0 ? undefined : Math.max(...rates);
  }

  #steadyParts(): { readonly fromMs: number; readonly untilMs: number; readonly rates: readonly number[] } {
    const fromMs = this.#timeOf(STEADY_FROM * this.bytes) ?? 0;
    const untilMs = this.#timeOf(STEADY_UNTIL * this.bytes) ?? 0;
    const partMs = (untilMs - fromMs) / PARTS;
    const parts = partMs > 0 ? PARTS : 0;
    const rates = Array.from({ length: parts }, (_, part) =>
      this.#rate(fromMs + part * partMs, fromMs + (part + 1) * partMs),
    );
    return { fromMs, untilMs, rates };
  }

  #rate(startMs: number, endMs: number): number {
    return ((this.#bytesUntil(endMs) - this.#bytesUntil(startMs)) * 1000) / (endMs - startMs);
  }

  #timeOf(bytes: number): number | undefined {
    return this.#timesMs[this.#totals.findIndex((total) => total >= bytes)];
  }

  /** Between two arrivals bytes are taken to come evenly: they come in bursts, which would shift whole parts. */
  #bytesUntil(ms: number): number {
    const after = this.#timesMs.findIndex((time) => time > ms);
    if (after === -1) return this.bytes;
    if (after === 0) return 0;
    const [startMs = 0, endMs = 0] = this.#timesMs.slice(after - 1, after + 1);
    const [start = 0, end = 0] = this.#totals.slice(after - 1, after + 1);
    return endMs > startMs ? start + ((end - start) * (ms - startMs)) / (endMs - startMs) : start;
  }
}
