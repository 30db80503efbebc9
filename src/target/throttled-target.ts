import { RateSchedule } from '../clock/rate-schedule.ts';
import type { Clock, PlainChunk } from '../model/ports.ts';
import { BusyTime } from './busy-time.ts';
import { DiscardTarget } from './discard-target.ts';
import type { ExpectedImage, IndexedImage, ProofOutcome, ProvableTarget } from './target.ts';

/**
 * How far a write may start in the past of the budget. Timers are up to 1 ms late, and what a late wake-up lost could
 * otherwise never be caught up by a single writer: 2 % at 100 MB/s.
 */
const CATCH_UP_MS = 5;

/**
 * A {@link DiscardTarget} that takes data no faster than a given rate. All writes share one budget, so that more writers
 * do not make it faster. Zeros cost nothing, as on a disk that can deallocate.
 */
export class ThrottledTarget implements ProvableTarget {
  readonly #clock: Clock;
  readonly #busy: BusyTime;
  readonly #discard: DiscardTarget = new DiscardTarget();
  readonly #budget: RateSchedule = new RateSchedule();
  readonly #closed: AbortController = new AbortController();

  constructor({ clock, rateBytesPerSecond }: { readonly clock: Clock; readonly rateBytesPerSecond: number }) {
    this.#clock = clock;
    this.#busy = new BusyTime(clock);
    this.#budget.setRate(rateBytesPerSecond);
  }

  get proofCpuMs(): number {
    return this.#discard.proofCpuMs;
  }

  get writeBusyMs(): number {
    return this.#busy.totalMs;
  }

  async write(offset: number, chunk: PlainChunk): Promise<void> {
    await this.#busy.during(async () => {
      const paidMs = this.#budget.reserve(this.#clock.now(), chunk.length, CATCH_UP_MS);
      await this.#discard.write(offset, chunk);
      const remainingMs = paidMs - this.#clock.now();
      if (remainingMs > 0) await this.#clock.sleep(remainingMs, this.#closed.signal);
    });
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    await this.#discard.writeZeroes(offset, length);
  }

  async finish(): Promise<void> {
    await this.#discard.finish();
  }

  async prove(expected: ExpectedImage | IndexedImage, signal?: AbortSignal): Promise<ProofOutcome> {
    return await this.#discard.prove(expected, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new Error('the target was closed'));
    await this.#discard[Symbol.asyncDispose]();
  }
}
