import { Session, type Profiler } from 'node:inspector';
import { basename, dirname, extname } from 'node:path';

/** What one thread of this process spent its time on. */
export interface ThreadProfile {
  /** `main`, or folder and name of the module that the thread runs and a number: `decode worker 2`. */
  readonly thread: string;
  readonly profile: CpuProfile;
}

/** As Chrome's developer tools and editors open it, in a `.cpuprofile` file. */
export type CpuProfile = Profiler.Profile;

/** Half of V8's own 1 ms: a run of a few seconds gives thousands of samples of each thread. */
const SAMPLING_INTERVAL_US = 500;

/** A thread that is ending answers nothing any more. */
const ANSWER_MS = 10_000;

interface WorkerThread {
  readonly name: string;
  readonly sessionId: string;
}

interface Reply {
  readonly id?: number;
  readonly error?: { readonly message: string };
  readonly result?: { readonly profile?: CpuProfile };
}

/**
 * Samples the JavaScript of every thread of this process with V8's own profiler, without a port, a child process or
 * the help of the threads: Node's inspector hands messages on to the workers of the thread that asks.
 */
export class CpuProfiler {
  readonly #session: Session = new Session();
  readonly #workers: Map<string, WorkerThread> = new Map();
  readonly #replies: Map<number, (reply: Reply) => void> = new Map();
  readonly #named: Map<string, number> = new Map();
  #nextId = 1;

  /** Resolves when all threads that are there are sampled; threads that start later are sampled from then on. */
  static async start(): Promise<CpuProfiler> {
    const profiler = new CpuProfiler();
    await profiler.#start();
    return profiler;
  }

  /** Ends the sampling. Threads that have ended in the meantime are missing. */
  async stop(): Promise<readonly ThreadProfile[]> {
    const workers = [...this.#workers.values()];
    const stopped = await Promise.all([
      this.#postHere('Profiler.stop').then((profile) => ({ thread: 'main', profile })),
      ...workers.map(async ({ name, sessionId }) => ({
        thread: name,
        profile: (await this.#postTo(sessionId, 'Profiler.stop')).result?.profile,
      })),
    ]);
    this.#session.disconnect();
    return stopped.flatMap(({ thread, profile }) => (profile === undefined ? [] : [{ thread, profile }]));
  }

  async #start(): Promise<void> {
    this.#session.connect();
    const begun: Promise<unknown>[] = [];
    this.#session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
      this.#workers.set(sessionId, { sessionId, name: this.#nameOf(workerInfo.url) });
      begun.push(
        this.#postTo(sessionId, 'Profiler.enable'),
        this.#postTo(sessionId, 'Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL_US }),
        this.#postTo(sessionId, 'Profiler.start'),
      );
    });
    this.#session.on('NodeWorker.detachedFromWorker', ({ params: { sessionId } }) => this.#workers.delete(sessionId));
    this.#session.on('NodeWorker.receivedMessageFromWorker', ({ params: { message } }) => {
      const reply = JSON.parse(message) as Reply;
      if (reply.id === undefined) return;
      this.#replies.get(reply.id)?.(reply);
      this.#replies.delete(reply.id);
    });
    await this.#postHere('Profiler.enable');
    await this.#postHere('Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL_US });
    await this.#postHere('NodeWorker.enable', { waitForDebuggerOnStart: false });
    await Promise.all(begun);
    await this.#postHere('Profiler.start');
  }

  async #postHere(method: string, parameters: object = {}): Promise<CpuProfile | undefined> {
    return await new Promise((resolve, reject) => {
      this.#session.post(method, parameters, (error, result: Reply['result']) => {
        if (error === null) resolve(result?.profile);
        else reject(error);
      });
    });
  }

  /** Resolves empty where the thread does not answer. */
  async #postTo(sessionId: string, method: string, params: object = {}): Promise<Reply> {
    const id = this.#nextId++;
    return await new Promise((resolve) => {
      const timer = setTimeout(() => resolve({}), ANSWER_MS);
      timer.unref();
      this.#replies.set(id, (reply) => {
        clearTimeout(timer);
        resolve(reply);
      });
      this.#session.post(
        'NodeWorker.sendMessageToWorker',
        { sessionId, message: JSON.stringify({ id, method, params }) },
        (error) => {
          if (error !== null && this.#replies.delete(id)) resolve({});
        },
      );
    });
  }

  #nameOf(url: string): string {
    const module = `${basename(dirname(url))} ${basename(url, extname(url))}`;
    const number = (this.#named.get(module) ?? 0) + 1;
    this.#named.set(module, number);
    return `${module} ${number}`;
  }
}
