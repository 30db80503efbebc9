import type { Clock } from '../model/ports.ts';
import { Places } from '../strategy/places.ts';

/** One job's stay: which server had it, and when. */
export interface Service {
  /** Counted from 0. */
  readonly server: number;
  readonly startedMs: number;
  readonly endedMs: number;
}

/** `count` servers that share one queue, first come first served: a disk's queue, a link, decode threads, a writer. */
export class Servers {
  readonly #clock: Clock;
  readonly #places: Places;

  constructor(clock: Clock, count: number) {
    this.#clock = clock;
    this.#places = new Places(count);
  }

  /** Waits for a server, then keeps it for `serviceMs`. Aborted, it gives up its place in the queue or the server. */
  async serve(serviceMs: number, signal?: AbortSignal): Promise<Service> {
    return await this.hold(() => this.#clock.sleep(serviceMs, signal), signal);
  }

  /** Waits for a server, then keeps it for as long as `job` takes. */
  async hold(job: () => Promise<unknown>, signal?: AbortSignal): Promise<Service> {
    const server = await this.#places.take(signal);
    try {
      const startedMs = this.#clock.now();
      await job();
      return { server, startedMs, endedMs: this.#clock.now() };
    } finally {
      this.#places.give(server);
    }
  }
}
