import { Places } from './places.ts';
import type { TaskGroup } from './task-group.ts';

/** At most `inFlight` tasks at a time, started in the order in which they are given. */
export class Window {
  readonly #group: TaskGroup;
  readonly #places: Places;

  constructor(group: TaskGroup, inFlight: number) {
    this.#group = group;
    this.#places = new Places(inFlight);
  }

  /**
   * Resolves when the task has started, which is when a place was free; it holds the place until it has ended.
   * Rejects without starting it when the group has failed.
   */
  async start(task: () => Promise<void>): Promise<void> {
    const place = await this.#places.take(this.#group.signal);
    void this.#group.track(this.#run(task, place));
  }

  /** A task that fails keeps its place: nothing more is started in a group that has failed. */
  async #run(task: () => Promise<void>, place: number): Promise<void> {
    await task();
    this.#places.give(place);
  }
}
