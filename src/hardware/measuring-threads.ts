import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import { entryUrl } from '../process/service-process.ts';
import type { RoundSample, RoundSettings, WorkplaceSettings } from './control.ts';
import { makeSharedMaterial } from './shared-material.ts';
import type { ThreadAnswer, ThreadRequest, ThreadRole } from './thread-messages.ts';

/** The threads of the measuring process, which work side by side on one primitive at a time. */
export class MeasuringThreads {
  readonly #workers: readonly Worker[];

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers;
  }

  static async start({ threads, folder, ratios, peer }: WorkplaceSettings): Promise<MeasuringThreads> {
    const material = makeSharedMaterial(ratios);
    const workers = await Promise.all(
      Array.from({ length: threads }, async (_, index) => {
        const role: ThreadRole = { kind: 'measure', index, threads, material, folder, peer };
        const worker = new Worker(entryUrl('./worker', import.meta.url), { workerData: role });
        await once(worker, 'online');
        return worker;
      }),
    );
    return new MeasuringThreads(workers);
  }

  /**
   * One round of the first `threads` threads. All of them are warm before the clock and the account of CPU time start.
   * Rejects with what went wrong in the work.
   * @param processCpuMs user and system time of this process so far
   */
  async round(
    { name, threads, warmUpMs, durationMs }: RoundSettings,
    processCpuMs: () => number,
  ): Promise<RoundSample> {
    const workers = this.#workers.slice(0, threads);
    const askAll = async (request: ThreadRequest): Promise<ThreadAnswer[]> =>
      await Promise.all(workers.map(async (worker) => await ask(worker, request)));
    await askAll({ kind: 'prepare', name, warmUpMs });
    const cpuBeforeMs = processCpuMs();
    const answers = await askAll({ kind: 'measure', name, durationMs });
    const cpuMs = processCpuMs() - cpuBeforeMs;
    let units = 0;
    let startedMs = Infinity;
    let endedMs = -Infinity;
    for (const answer of answers) {
      if (answer.kind !== 'measured') throw new Error(`a thread answered ${answer.kind} to a round`);
      units += answer.units;
      startedMs = Math.min(startedMs, answer.startedMs);
      endedMs = Math.max(endedMs, answer.endedMs);
    }
    return { durationMs: endedMs - startedMs, units, cpuMs };
  }
}

async function ask(worker: Worker, request: ThreadRequest): Promise<ThreadAnswer> {
  worker.postMessage(request);
  // An error of the thread itself, such as memory that ran out, makes `once` reject.
  const [answer] = (await once(worker, 'message')) as [ThreadAnswer];
  if (answer.kind === 'failed') throw new Error(answer.message);
  return answer;
}
