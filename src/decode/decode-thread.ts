import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';

import { MachineError } from '../model/errors.ts';
import type { LentMemory, ReceivedChunk } from '../model/received-chunk.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import type { ExpectedChunk } from './decode-chunk.ts';
import { HeldChunk } from './held-chunk.ts';
import { newThreadMemory, PLACES, replies, requests, ThreadMemory, type Bell } from './thread-memory.ts';
import { fromSentError, type SentError, type SlabNews, type ThreadStart } from './thread-messages.ts';

const defaultEntry: URL = new URL(import.meta.url.endsWith('.ts') ? 'worker.ts' : 'worker.js', import.meta.url);

export interface DecodeThreadOptions {
  /** Counted from 1. */
  readonly number: number;
  /** Rung by the thread when {@link DecodeThread.takeReplies} has something to take. */
  readonly bell: Bell;
  /** The thread was at work for so long. */
  readonly onWorked: (busyMs: number) => void;
  /** It can take another chunk. */
  readonly onFree: () => void;
  /** Of the archive whose chunks are decoded, where it is encrypted. */
  readonly crypt?: CryptConfig;
  /** Module that the thread runs; `worker.ts` unless given. */
  readonly entry?: URL;
}

interface PendingReply {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The life of one worker thread, as seen from the thread that started it. */
export class DecodeThread {
  readonly #options: DecodeThreadOptions;
  readonly #worker: Worker;
  readonly #memory: ThreadMemory;
  readonly #port: MessagePort;
  /** By place: what was asked for it last, as long as it was not answered. */
  readonly #pending: Map<number, PendingReply> = new Map();
  /** By place: the slab that the thread may read. */
  readonly #loans: Map<number, LentMemory> = new Map();
  /** Slabs that the thread knows. */
  readonly #slabs: Set<number> = new Set();
  readonly #freePlaces: number[] = Array.from({ length: PLACES }, (_, index) => PLACES - 1 - index);
  #load = 0;
  #ending: MachineError | undefined;

  constructor(options: DecodeThreadOptions) {
    this.#options = options;
    const { port1: ours, port2: port } = new MessageChannel();
    this.#port = ours;
    const memory = newThreadMemory();
    this.#memory = new ThreadMemory(memory);
    const key = options.crypt?.copyKey();
    this.#worker = new Worker(options.entry ?? defaultEntry, {
      name: `decode-${options.number}`,
      env: threadEnvironment(),
      workerData: {
        memory,
        bell: options.bell.shared,
        port,
        ...(key === undefined ? {} : { key }),
      } satisfies ThreadStart,
      // The key moves: no copy of it stays behind.
      transferList: key === undefined ? [port] : [port, key.buffer],
    });
    this.#worker.on('error', (error: unknown) => this.#fail(error instanceof Error ? error.message : String(error)));
    this.#worker.on('exit', (code) => {
      // What it finished before it died was finished.
      this.takeReplies();
      this.#fail(`exit code ${code}`);
      this.#giveAllBack();
    });
  }

  /** Chunks being decoded or waiting for it here. */
  get load(): number {
    return this.#load;
  }

  get hasEnded(): boolean {
    return this.#ending !== undefined;
  }

  /** It has nothing of any chunk. */
  get isIdle(): boolean {
    return this.#freePlaces.length === PLACES;
  }

  get isFull(): boolean {
    return this.#freePlaces.length === 0;
  }

  async decode({ memory: loan, encodedBytes }: ReceivedChunk, expected: ExpectedChunk): Promise<HeldChunk> {
    if (this.#ending !== undefined) {
      loan.giveBack();
      throw this.#ending;
    }
    const place = this.#freePlaces.pop();
    if (place === undefined) throw new Error('the thread has no place for another chunk');
    this.#load += 1;
    this.#loans.set(place, loan);
    try {
      this.#introduce(loan);
      this.#memory.putDecode(place, { slab: loan.slab, encodedBytes, expected });
      await this.#ask(place, requests.decode);
      const { isInSlab, startedMs, endedMs, pausedMs } = this.#memory.decodeReply(place);
      if (!isInSlab) this.#giveBack(place);
      this.#options.onWorked(endedMs - startedMs - pausedMs);
      return this.#hold(place, expected.length, { startedMs, endedMs, worker: this.#options.number });
    } catch (error) {
      this.#leave(place);
      throw error;
    } finally {
      this.#load -= 1;
      this.#options.onFree();
    }
  }

  #hold(place: number, length: number, timing: HeldChunk['timing']): HeldChunk {
    return new HeldChunk(length, timing, {
      write: async (sink, offset) => {
        try {
          this.#memory.putWrite(place, { sink, offset });
          await this.#ask(place, requests.write);
          const receipt = this.#memory.receipt(place);
          this.#options.onWorked(receipt.endedMs - receipt.startedMs);
          return receipt;
        } finally {
          this.#leave(place);
        }
      },
      release: () => {
        void this.#ask(place, requests.release)
          .catch(() => {})
          .then(() => this.#leave(place));
      },
    });
  }

  /** Settles what the thread has answered since the last time. */
  takeReplies(): void {
    for (let entry = this.#memory.replies.take(); entry !== undefined; entry = this.#memory.replies.take()) {
      const { place, kind } = entry;
      const pending = this.#pending.get(place);
      this.#pending.delete(place);
      if (kind === replies.failed) {
        const error = receiveMessageOnPort(this.#port)?.message as SentError;
        pending?.reject(fromSentError(error));
      } else pending?.resolve();
    }
  }

  /** The slab will not be used again. */
  forget(slab: number): void {
    if (this.#slabs.delete(slab) && !this.hasEnded) this.#tell({ kind: 'gone', slab });
  }

  /** Ends the thread; what it had fails, and its memory comes back when nothing of it runs any more. */
  async end(reason: string): Promise<void> {
    this.#fail(reason);
    await this.#worker.terminate();
    this.#giveAllBack();
  }

  #introduce({ slab, buffer }: LentMemory): void {
    if (this.#slabs.has(slab)) return;
    this.#slabs.add(slab);
    this.#tell({ kind: 'new', slab, buffer });
  }

  #tell(news: SlabNews): void {
    this.#port.postMessage(news);
    this.#memory.requests.put({ place: 0, kind: requests.mail });
  }

  async #ask(place: number, kind: number): Promise<void> {
    if (this.#ending !== undefined) throw this.#ending;
    await new Promise<void>((resolve, reject) => {
      this.#pending.set(place, { resolve, reject });
      this.#memory.requests.put({ place, kind });
    });
  }

  /** The thread has nothing of this chunk any more; one that has ended may still be reading it for a moment. */
  #leave(place: number): void {
    if (this.#ending !== undefined) return;
    this.#giveBack(place);
    this.#freePlaces.push(place);
  }

  #giveBack(place: number): void {
    this.#loans.get(place)?.giveBack();
    this.#loans.delete(place);
  }

  #giveAllBack(): void {
    for (const loan of this.#loans.values()) loan.giveBack();
    this.#loans.clear();
  }

  #fail(reason: string): void {
    this.#ending ??= threadEnded(`decode thread ${this.#options.number} has ended: ${reason}`);
    for (const { reject } of this.#pending.values()) reject(this.#ending);
    this.#pending.clear();
  }
}

/**
 * Not that of the process: a profiler's NODE_OPTIONS would load itself into the thread and distort it. Where compiled
 * code is kept must be said to each thread; without it, each takes 14 MiB more.
 */
function threadEnvironment(): NodeJS.ProcessEnv {
  const compiled = getCompileCacheDir();
  // The folder of this version of Node.js in the one that was asked for.
  return compiled === undefined ? {} : { NODE_COMPILE_CACHE: dirname(compiled) };
}

export function threadEnded(message: string): MachineError {
  return new MachineError(message, {
    code: 'decode-thread-ended',
    hint: 'if memory was short, use fewer chunks in flight or fewer decode threads',
  });
}
