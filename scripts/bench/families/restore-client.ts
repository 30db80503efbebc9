import { ServiceProcess } from '../../../src/process/service-process.ts';
import type { RestoreClientCalls, TrialFigures, TrialOrder } from '../ends/restore-control.ts';

const entry = new URL('../ends/restore-client.ts', import.meta.url);

/** Generating the largest image of the bench is the longest answer. */
const ANSWER_MS = 10 * 60_000;

/** A client process and what it needs: server, link emulator, sampler, decode threads. */
export class RestoreClient implements AsyncDisposable {
  readonly #process: ServiceProcess<RestoreClientCalls>;

  private constructor(process: ServiceProcess<RestoreClientCalls>) {
    this.#process = process;
  }

  /** @param folder for the certificate and the images, which several clients may share */
  static async start(folder: string): Promise<RestoreClient> {
    const process = await ServiceProcess.start<RestoreClientCalls>('restore client', entry, { answerMs: ANSWER_MS });
    const client = new RestoreClient(process);
    await process.call('open', { folder });
    return client;
  }

  async prepare(scenario: string): Promise<void> {
    await this.#process.call('prepare', { scenario });
  }

  async restore(order: TrialOrder): Promise<TrialFigures> {
    return await this.#process.call('restore', order);
  }

  /** Ends it, and with it the processes that it has started. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.isRunning) await this.#process.call('close').catch(() => {});
    await this.#process[Symbol.asyncDispose]();
  }
}
