import { RateSchedule } from '../clock/rate-schedule.ts';
import type { LinkSettings } from '../model/environment.ts';
import { metric, unavailable, type Metric } from '../model/metric.ts';
import { KiB, MiB } from '../model/units.ts';

/**
 * How late the emulator may read what waits for it without losing rate for ever; longer than it is mostly kept from
 * its core. Bytes that did not wait get nothing of it, or each chunk after an idle time would start with a burst.
 */
const CATCH_UP_MS = 5;

/**
 * Bytes that stand ready beyond rate x delay, so that the link never runs dry while a socket is resumed; they are also
 * the queue in front of the link that a busy sender builds up.
 */
const ALLOWANCE_MS = 10;
const MIN_ALLOWANCE_BYTES: number = 64 * KiB;
/** Without a rate nothing can run dry, and more would only leave the cache: two reads. */
const UNDECLARED_ALLOWANCE_BYTES: number = 512 * KiB;

/** Bounds the bytes under way where no rate is declared; above what one process relays in a second. */
const UNDECLARED_RATE = 2_500_000_000;

/** Bytes inside one direction at most, whatever its rate x delay: 10 Gbit/s over 100 ms one way. */
const MAX_QUEUED_BYTES: number = 128 * MiB;

/** Bytes that leave together; a share of the rate, so that a slow link delivers evenly and not read by read. */
const SLICE_MS = 0.25;
const MIN_SLICE_BYTES: number = 4 * KiB;

export interface DirectionOptions {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly maxQueuedBytes?: number;
}

/**
 * One direction of the link, shared by all connections: when bytes that arrive now come out at the other end, and how
 * many may be inside. Pure; times are milliseconds of any one clock.
 */
export class LinkDirection {
  readonly #random: () => number;
  readonly #maxQueuedBytes: number;
  readonly #schedule: RateSchedule = new RateSchedule();
  #delayMs = 0;
  #jitterMs = 0;
  #rate: number | undefined;
  #connectionRate: number | undefined;
  /** Bytes that came out since the last reset. */
  deliveredBytes = 0;
  /** Connections with bytes inside. */
  activeConnections = 0;

  constructor({ random, maxQueuedBytes = MAX_QUEUED_BYTES }: DirectionOptions) {
    this.#random = random;
    this.#maxQueuedBytes = maxQueuedBytes;
  }

  configure({ roundTripMs, jitterMs, rateBytesPerSecond, connectionRateBytesPerSecond }: LinkSettings): void {
    this.#delayMs = roundTripMs / 2;
    this.#jitterMs = jitterMs;
    this.#rate = rateBytesPerSecond;
    this.#connectionRate = connectionRateBytesPerSecond;
    this.#schedule.setRate(rateBytesPerSecond);
  }

  /** The part of a connection's own rate; hand it to `due` with every piece of that connection. */
  connectionSchedule(): RateSchedule {
    return new RateSchedule();
  }

  /**
   * When bytes that arrive now are out: they pass the connection's rate and the link's at the same time, then take the
   * delay. Of 0 bytes (an end of a stream) only the delay counts. `waited`: they stood in front of the emulator because
   * it had paused their sender or had not yet read them.
   */
  due(arrivalMs: number, bytes: number, connection: RateSchedule, waited: boolean = false): number {
    const waitedMs = waited ? CATCH_UP_MS : 0;
    connection.setRate(this.#connectionRate);
    const departureMs = Math.max(
      connection.reserve(arrivalMs, bytes, waitedMs),
      this.#schedule.reserve(arrivalMs, bytes, waitedMs),
    );
    return departureMs + this.#nextDelayMs();
  }

  /** Whether bytes that arrive now are out at once. */
  get isTransparent(): boolean {
    return (
      this.#delayMs === 0 && this.#jitterMs === 0 && this.#rate === undefined && this.#connectionRate === undefined
    );
  }

  /** Largest piece that should be given to `due` at once. */
  get sliceBytes(): number {
    const rate = minimumRate(this.#rate, this.#connectionRate) ?? Infinity;
    return Math.max(MIN_SLICE_BYTES, Math.floor((rate * SLICE_MS) / 1000));
  }

  /** Bytes that one connection may have inside before its sender has to wait: an equal share of what all may have. */
  get connectionLimitBytes(): number {
    const shared = Math.min(this.#maxQueuedBytes, this.#windowBytes(this.#rate));
    const share = Math.max(MIN_ALLOWANCE_BYTES, Math.floor(shared / Math.max(1, this.activeConnections)));
    return this.#connectionRate === undefined ? share : Math.min(share, this.#windowBytes(this.#connectionRate));
  }

  /**
   * Bytes that should be free below that limit before a sender goes on: few wake-ups, but never an idle link. Never
   * more than half of the limit, or of many connections, whose shares are small, none would go on.
   */
  get resumeBytes(): number {
    const enoughBytes = allowanceBytes(minimumRate(this.#rate, this.#connectionRate)) / 2;
    return Math.floor(Math.min(enoughBytes, this.connectionLimitBytes / 2));
  }

  busyMs(nowMs: number): Metric {
    return this.#rate === undefined
      ? unavailable('unsupported: no rate is declared for the link')
      : metric(this.#schedule.busyMs(nowMs));
  }

  resetCounters(nowMs: number): void {
    this.deliveredBytes = 0;
    this.#schedule.resetBusy(nowMs);
  }

  #windowBytes(rate: number | undefined): number {
    return allowanceBytes(rate) + Math.ceil(((rate ?? UNDECLARED_RATE) * (this.#delayMs + this.#jitterMs)) / 1000);
  }

  #nextDelayMs(): number {
    if (this.#jitterMs === 0) return this.#delayMs;
    return Math.max(0, this.#delayMs + (2 * this.#random() - 1) * this.#jitterMs);
  }
}

function allowanceBytes(rate: number | undefined): number {
  return rate === undefined
    ? UNDECLARED_ALLOWANCE_BYTES
    : Math.max(MIN_ALLOWANCE_BYTES, Math.ceil((rate * ALLOWANCE_MS) / 1000));
}

function minimumRate(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}
