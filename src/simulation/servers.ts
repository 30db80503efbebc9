import type { Clock } from '../model/ports.ts';
import { Permits } from '../model/permits.ts';

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
  readonly #permits: Permits;
  /** The lowest number last. */
  readonly #idle: number[];

  constructor(clock: Clock, count: number) {
    this.#clock = clock;
    this.#permits = new Permits(count);
    this.#idle = Array.from({ length: count }, (_, server) => count - 1 - server);
  }

  /** Waits for a server, then keeps it for `serviceMs`. Aborted, it gives up its place in the queue or the server. */
  async serve(serviceMs: number, signal?: AbortSignal): Promise<Service> {
    return await this.hold(() => this.#clock.sleep(serviceMs, signal), signal);
  }

  /** Waits for a server, then keeps it for as long as `job` takes. */
  async hold(job: () => Promise<unknown>, signal?: AbortSignal): Promise<Service> {
    await this.#permits.take(signal);
    const server = this.#idle.pop() ?? 0;
    try {
      const startedMs = this.#clock.now();
      await job();
      return { server, startedMs, endedMs: this.#clock.now() };
    } finally {
      this.#idle.push(server);
      this.#permits.give();
    }
  }
}
