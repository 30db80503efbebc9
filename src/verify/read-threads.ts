import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import { fromSentError } from '../decode/thread-messages.ts';
import type { SlabLoan, SlabPool } from '../memory/slab-pool.ts';
import { IntegrityError, MachineError } from '../model/errors.ts';
import type { FetchTiming } from '../model/ports.ts';
import { ENCRYPTED_BLOB_HEADER_BYTES, MAX_ENCODED_BLOB_BYTES } from '../pbs/format/blob.ts';
import type { ReadAnswer, ReadRequest } from './read-messages.ts';

const workerEntry: URL = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

/** A file as it was read. */
export interface ReadFile {
  /** As long as the file. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly loan: SlabLoan;
  /** `connection` is the number of the thread, from 0. */
  readonly timing: FetchTiming;
}

/**
 * Threads that read files, each one at a time. Node's own thread pool has four threads, whatever is asked of it, and
 * would not show what more or fewer of them are worth.
 */
export class ReadThreads implements AsyncDisposable {
  readonly #memory: SlabPool;
  readonly #workers: readonly Worker[];
  readonly #online: Promise<unknown>;
  readonly #idle: number[];
  #busyMs = 0;

  constructor(threads: number, memory: SlabPool) {
    this.#memory = memory;
    this.#workers = Array.from(
      { length: threads },
      (_, number) => new Worker(workerEntry, { name: `read-${number + 1}`, env: {}, execArgv: [] }),
    );
    this.#online = Promise.all(this.#workers.map(async (worker) => await once(worker, 'online')));
    // Whoever waits for it hears of it, and whoever asks a thread that has ended.
    this.#online.catch(() => {});
    this.#idle = this.#workers.map((_, number) => number).toReversed();
  }

  /** Resolves when all threads run. */
  async ready(): Promise<void> {
    await this.#online;
  }

  /** Time for which threads had files open that were read whole, summed; only grows. */
  get busyMs(): number {
    return this.#busyMs;
  }

  /**
   * Reads a chunk file on a thread that has nothing to do; the caller sees to it that there is one.
   * @param plainBytes that the chunk should hold: no encoder makes a blob longer than this and a header
   * @throws IntegrityError `chunk-too-large`; system errors as they are; the signal's reason while it waits for memory
   */
  async read(path: string, plainBytes: number, signal: AbortSignal): Promise<ReadFile> {
    const thread = this.#idle.pop();
    if (thread === undefined) throw new Error('all read threads are busy');
    try {
      return await this.#readOn(thread, path, plainBytes + ENCRYPTED_BLOB_HEADER_BYTES, signal);
    } finally {
      this.#idle.push(thread);
    }
  }

  async #readOn(thread: number, path: string, expectedBytes: number, signal: AbortSignal): Promise<ReadFile> {
    const loan = await this.#memory.take(expectedBytes, signal);
    let answer: ReadAnswer;
    try {
      answer = await this.#ask(thread, { path, buffer: loan.buffer });
    } catch (error) {
      loan.giveBack();
      throw error;
    }
    if (answer.kind === 'read') {
      const { bytes, startedMs, firstByteMs, lastByteMs } = answer;
      this.#busyMs += lastByteMs - startedMs;
      return {
        bytes: new Uint8Array(loan.buffer, 0, bytes),
        loan,
        timing: { requestSentMs: startedMs, firstByteMs, lastByteMs, connection: thread },
      };
    }
    loan.giveBack();
    if (answer.kind === 'failed') throw fromSentError(answer.error);
    if (answer.bytes > MAX_ENCODED_BLOB_BYTES) {
      throw new IntegrityError(`the file has ${answer.bytes} bytes, more than any chunk can have`, {
        code: 'chunk-too-large',
      });
    }
    return await this.#readOn(thread, path, answer.bytes, signal);
  }

  async #ask(thread: number, request: ReadRequest): Promise<ReadAnswer> {
    const worker = this.#workers[thread];
    if (worker === undefined) throw new RangeError(`read thread ${thread}`);
    const ended = new AbortController();
    try {
      worker.postMessage(request);
      const [answer] = (await Promise.race([
        once(worker, 'message', { signal: ended.signal }),
        once(worker, 'exit', { signal: ended.signal }).then(() => {
          throw new MachineError(`read thread ${thread + 1} has ended`, { code: 'read-thread-ended' });
        }),
      ])) as [ReadAnswer];
      return answer;
    } finally {
      ended.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map(async (worker) => await worker.terminate()));
  }
}
