/** Tasks that fail together: see {@link withTaskGroup}. */
export interface TaskGroup {
  /** Aborted with the first failure of any task, or with the reason of the caller's signal. */
  readonly signal: AbortSignal;
  /** Makes a running task part of the group and returns it; nobody else needs to handle its rejection. */
  track<Result>(task: Promise<Result>): Promise<Result>;
}

/**
 * Runs `body` and every task that it tracks to the end. The first failure, or an abort of `signal`, aborts the
 * group's signal; the returned promise then rejects with that first reason, but only after everything has settled, so
 * that nothing keeps running behind a restore that has ended.
 */
export async function withTaskGroup(signal: AbortSignal, body: (group: TaskGroup) => Promise<void>): Promise<void> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const running = new Set<Promise<unknown>>();
  const fail = (reason: unknown): void => controller.abort(reason);
  const onAbort = (): void => fail(signal.reason);
  signal.addEventListener('abort', onAbort);
  const track = <Result>(task: Promise<Result>): Promise<Result> => {
    const settled: Promise<unknown> = task.catch(fail).then(() => running.delete(settled));
    running.add(settled);
    return task;
  };
  try {
    await body({ signal: controller.signal, track });
  } catch (error) {
    fail(error);
  }
  await Promise.all(running);
  signal.removeEventListener('abort', onAbort);
  controller.signal.throwIfAborted();
}
