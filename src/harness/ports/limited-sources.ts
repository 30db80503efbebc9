import { RateSchedule } from '../../clock/rate-schedule.ts';
import { Permits } from '../../model/permits.ts';
import type { ChunkSource, Clock, EncodedChunk } from '../../model/ports.ts';

export interface SourceLimits {
  /** Requests under way at a time, over all sources together. */
  readonly maxInFlight: number;
  /** Encoded bytes, all sources together; unlimited where absent. */
  readonly maxRateBytesPerSecond?: number;
}

/**
 * Sources that never ask a server for more than they may, whatever a strategy does: consideration for whoever else uses the
 * server. A rate is kept by holding requests back: each pays for what chunks had on average so far, and the difference
 * when it has come. The first goes alone, since nobody knows before it what chunks have.
 *
 * @param clock is told of the pauses
 */
export function limitSources(
  sources: readonly ChunkSource[],
  limits: SourceLimits,
  clock: Clock,
): readonly ChunkSource[] {
  const places = new Permits(limits.maxInFlight);
  const { maxRateBytesPerSecond } = limits;
  const toll = maxRateBytesPerSecond === undefined ? undefined : new Toll(maxRateBytesPerSecond, clock);
  return sources.map((source) => ({
    async fetch(digest: string, signal: AbortSignal): Promise<EncodedChunk> {
      await places.take(signal);
      try {
        if (toll === undefined) return await source.fetch(digest, signal);
        return await toll.pass(async () => await source.fetch(digest, signal), signal);
      } finally {
        places.give();
      }
    },
  }));
}

/** A rate that fetches of unknown length share. */
class Toll {
  readonly #clock: Clock;
  readonly #schedule: RateSchedule = new RateSchedule();
  /** Settles when the first fetch has. */
  #first: Promise<unknown> | undefined;
  #chunks = 0;
  #bytes = 0;

  constructor(bytesPerSecond: number, clock: Clock) {
    this.#clock = clock;
    this.#schedule.setRate(bytesPerSecond);
  }

  async pass(fetch: () => Promise<EncodedChunk>, signal: AbortSignal): Promise<EncodedChunk> {
    if (this.#first === undefined) {
      const first = this.#pay(fetch, 0);
      this.#first = first.catch(() => {});
      return await first;
    }
    await this.#first;
    signal.throwIfAborted();
    const expected = this.#chunks === 0 ? 0 : this.#bytes / this.#chunks;
    const nowMs = this.#clock.now();
    // The bytes of earlier requests must have had their time; this one's are on their way meanwhile.
    const freeMs = this.#schedule.reserve(nowMs, 0);
    this.#schedule.reserve(nowMs, expected);
    if (freeMs > nowMs) await this.#clock.sleep(freeMs - nowMs, signal);
    return await this.#pay(fetch, expected);
  }

  async #pay(fetch: () => Promise<EncodedChunk>, paid: number): Promise<EncodedChunk> {
    const chunk = await fetch();
    this.#chunks += 1;
    this.#bytes += chunk.encodedBytes;
    this.#schedule.reserve(this.#clock.now(), chunk.encodedBytes - paid);
    return chunk;
  }
}
