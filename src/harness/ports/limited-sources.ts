import { Permits } from '../../model/permits.ts';
import type { ChunkSource, Clock, EncodedChunk } from '../../model/ports.ts';
import { DEFAULT_CHUNK_SIZE } from '../../model/units.ts';

/** What rounding makes of no time at all. */
const SHORTEST_WAIT_MS = 1e-6;

export interface SourceLimits {
  /** Requests under way at a time, over all sources together. */
  readonly maxInFlight: number;
  /** Encoded bytes, all sources together; unlimited where absent. */
  readonly maxRateBytesPerSecond?: number;
}

/**
 * Sources that never ask a server for more than they may, whatever a strategy does: consideration for whoever else uses the
 * server. A rate is kept by holding requests back.
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
  const toll =
    maxRateBytesPerSecond === undefined ? undefined : new Toll(maxRateBytesPerSecond, limits.maxInFlight, clock);
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

/**
 * A rate that fetches of unknown length share. Each is counted as the longest chunk while it is under way, and as what it
 * had when it has come; the next may go when what is counted has had its time. Time that nobody used may be made up for,
 * by as many bytes as may be under way: else latency would lower the rate wherever chunks are well compressed.
 */
class Toll {
  readonly #bytesPerMs: number;
  readonly #mostUnderWay: number;
  readonly #clock: Clock;
  /** One waits for the time, the others for their turn. */
  readonly #turn: Permits = new Permits(1);
  #longestBytes = DEFAULT_CHUNK_SIZE;
  /** When the bytes that are counted have had their time. */
  #paidUntilMs: number | undefined;
  /** Ends the wait of whoever waits for the time, since there may be less to wait for. */
  #lookAgain: AbortController | undefined;

  constructor(bytesPerSecond: number, mostUnderWay: number, clock: Clock) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#mostUnderWay = mostUnderWay;
    this.#clock = clock;
  }

  async pass(fetch: () => Promise<EncodedChunk>, signal: AbortSignal): Promise<EncodedChunk> {
    await this.#turn.take(signal);
    try {
      await this.#wait(signal);
    } finally {
      this.#turn.give();
    }
    const expectedBytes = this.#longestBytes;
    this.#count(expectedBytes);
    let bytes = 0;
    try {
      const chunk = await fetch();
      bytes = chunk.encodedBytes;
      return chunk;
    } finally {
      this.#longestBytes = Math.max(this.#longestBytes, bytes);
      this.#count(bytes - expectedBytes);
      this.#lookAgain?.abort();
    }
  }

  async #wait(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const nowMs = this.#clock.now();
      const unusedMs = (this.#mostUnderWay * this.#longestBytes) / this.#bytesPerMs;
      this.#paidUntilMs = Math.max(this.#paidUntilMs ?? nowMs, nowMs - unusedMs);
      const waitMs = this.#paidUntilMs - nowMs;
      if (waitMs < SHORTEST_WAIT_MS) return;
      const lookAgain = new AbortController();
      this.#lookAgain = lookAgain;
      try {
        await this.#clock.sleep(waitMs, AbortSignal.any([signal, lookAgain.signal]));
      } catch (error) {
        if (!lookAgain.signal.aborted) throw error;
      } finally {
        this.#lookAgain = undefined;
      }
    }
  }

  #count(bytes: number): void {
    this.#paidUntilMs = (this.#paidUntilMs ?? 0) + bytes / this.#bytesPerMs;
  }
}
