import { Permits } from '../model/permits.ts';
import type { TaskGroup } from '../model/task-group.ts';

/** At most `inFlight` tasks at a time, which may change, started in the order in which they are given. */
export class Window {
  readonly #group: TaskGroup;
  readonly #permits: Permits;

  constructor(group: TaskGroup, inFlight: number) {
    this.#group = group;
    this.#permits = new Permits(inFlight);
  }

  /**
   * Resolves when the task has started, which is when a permit was free; it holds the permit until it has ended.
   * Rejects without starting it when the group has failed.
   */
  async start(task: () => Promise<void>): Promise<void> {
    await this.#permits.take(this.#group.signal);
    void this.#group.track(this.#run(task));
  }

  /** A smaller window takes effect as tasks end, a larger one at once. */
  resize(inFlight: number): void {
    this.#permits.setLimit(inFlight);
  }

  /** A task that fails keeps its permit: nothing more is started in a group that has failed. */
  async #run(task: () => Promise<void>): Promise<void> {
    await task();
    this.#permits.give();
  }
}
