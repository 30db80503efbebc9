import { quantile } from '../../../src/stats/quantile.ts';

/**
 * CPU time of the calling thread in each turn of its event loop. No callback is longer than the turn that it is part
 * of, so this bounds what a callback holds up. An immediate that is unreferenced runs once a turn and wakes nobody.
 */
export class TurnTimes implements Disposable {
  readonly #cpuMs: number[] = [];
  #last: number = threadCpuMs();
  #immediate: NodeJS.Immediate;

  constructor() {
    this.#immediate = setImmediate(this.#turn).unref();
  }

  /** Milliseconds. */
  get p99(): number {
    return quantile(this.#cpuMs, 0.99) ?? 0;
  }

  [Symbol.dispose](): void {
    clearImmediate(this.#immediate);
  }

  readonly #turn = (): void => {
    const now = threadCpuMs();
    this.#cpuMs.push(now - this.#last);
    this.#last = now;
    this.#immediate = setImmediate(this.#turn).unref();
  };
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
