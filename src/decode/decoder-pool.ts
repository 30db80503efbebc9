import { Worker } from 'node:worker_threads';

import { MachineError } from '../model/errors.ts';
import type { Slot } from '../model/image.ts';
import type { ChunkDecoder, Clock, EncodedChunk } from '../model/ports.ts';
import type { ReceivedChunk } from '../model/received-chunk.ts';
import { CpuEstimate } from './cpu-estimate.ts';
import { decodeChunk } from './decode-chunk.ts';
import { freeBytes, HeldChunk, writeBytes } from './held-chunk.ts';
import { fromSentError, type ThreadReply, type ThreadRequest } from './thread-messages.ts';

export interface DecoderPoolOptions {
  /** Worker threads; 0 decodes on the calling thread. */
  readonly threads: number;
  /** Must read CLOCK_MONOTONIC, as the threads do. */
  readonly clock: Clock;
  /** Module that the threads run; `worker.ts` unless given. */
  readonly entry?: URL;
}

/**
 * Chunks that a thread is given at a time: the one it works on and the next, so that it does not idle while the main
 * thread is busy with the socket. More would only bind waiting chunks to a thread that may be the last to be free.
 */
const CHUNKS_PER_THREAD = 2;

const defaultEntry: URL = new URL(import.meta.url.endsWith('.ts') ? 'worker.ts' : 'worker.js', import.meta.url);

interface WaitingChunk {
  readonly chunk: ReceivedChunk;
  readonly slot: Slot;
  readonly resolve: (held: Promise<HeldChunk>) => void;
}

/**
 * Decodes chunks on a fixed number of threads that stay warm between trials: first come, first served, each by the
 * least loaded thread. The plain bytes stay in the thread that decoded them. A thread that dies fails what it had and
 * is replaced at the next use.
 */
export class DecoderPool implements ChunkDecoder, AsyncDisposable {
  readonly #options: DecoderPoolOptions;
  readonly #threads: DecodeThread[] = [];
  readonly #waiting: WaitingChunk[] = [];
  /** Chunks that were decoded on this thread; those that a worker has are detached and show it. */
  readonly #decodedHere: WeakSet<ReceivedChunk> = new WeakSet();
  readonly #proofCost: CpuEstimate = new CpuEstimate();
  #busyMs = 0;
  #isDisposed = false;

  constructor(options: DecoderPoolOptions) {
    this.#options = options;
    for (let number = 1; number <= options.threads; number += 1) this.#threads.push(this.#startThread(number));
  }

  /** Time for which threads were at work, on decoding and on the writes they execute, summed, wall clock; only grows. */
  get busyMs(): number {
    return this.#busyMs;
  }

  /** Chunks that wait for a thread. */
  get queueLength(): number {
    return this.#threads.reduce((sum, thread) => sum + Math.max(0, thread.load - 1), this.#waiting.length);
  }

  /**
   * Rejects with an IntegrityError that names the digest where the bytes are not the slot's, and with a MachineError
   * `decode-thread-ended` when the thread died over them.
   */
  async decode(chunk: EncodedChunk, slot: Slot): Promise<HeldChunk> {
    if (!isReceived(chunk)) throw new TypeError('the decoder needs chunks that carry their bytes');
    if (chunk.bytes.length !== chunk.encodedBytes || this.#decodedHere.has(chunk))
      throw new Error(`chunk ${chunk.digest} was handed on twice`);
    if (this.#options.threads === 0) return this.#decodeHere(chunk, slot);
    if (this.#isDisposed) throw threadEnded('the decoder was closed');
    return await new Promise<HeldChunk>((resolve) => {
      this.#waiting.push({ chunk, slot, resolve });
      this.#dispatch();
    });
  }

  /**
   * Frees everything that is queued or held, after a restore that broke off; its handles are worthless then. Threads
   * that have nothing of it stay as they are.
   */
  async reset(): Promise<void> {
    for (const { resolve } of this.#waiting.splice(0)) resolve(Promise.reject(threadEnded('the decoder was reset')));
    await Promise.all(
      this.#threads.map(async (thread, index) => {
        if (thread.isIdle) return;
        this.#threads[index] = this.#startThread(index + 1);
        await thread.end('the decoder was reset');
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    for (const { resolve } of this.#waiting.splice(0)) resolve(Promise.reject(threadEnded('the decoder was closed')));
    await Promise.all(this.#threads.map(async (thread) => await thread.end('the decoder was closed')));
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#leastLoadedThread();
      if (thread.load >= CHUNKS_PER_THREAD) return;
      const next = this.#waiting.shift();
      if (next !== undefined) next.resolve(thread.decode(next.chunk, next.slot));
    }
  }

  #leastLoadedThread(): DecodeThread {
    let least: DecodeThread | undefined;
    for (const [index, thread] of this.#threads.entries()) {
      const usable = thread.hasEnded ? this.#startThread(index + 1) : thread;
      this.#threads[index] = usable;
      if (least === undefined || usable.load < least.load) least = usable;
    }
    if (least === undefined) throw new Error('the decoder has no threads');
    return least;
  }

  #startThread(number: number): DecodeThread {
    return new DecodeThread(number, this.#options.entry ?? defaultEntry, {
      onWorked: (busyMs) => {
        this.#busyMs += busyMs;
      },
      // After the promise's own continuations, so that the write of the chunk just decoded is posted before the next
      // decode and the thread does it first.
      onFree: () => setImmediate(() => this.#dispatch()),
    });
  }

  #decodeHere(chunk: ReceivedChunk, slot: Slot): HeldChunk {
    const { clock } = this.#options;
    this.#decodedHere.add(chunk);
    const startedMs = clock.now();
    const bytes = decodeChunk(chunk.bytes, slot);
    const endedMs = clock.now();
    this.#busyMs += endedMs - startedMs;
    const memory = chunk.bytes.buffer;
    const isInPlace = bytes.buffer === memory;
    if (!isInPlace) chunk.reuse?.(memory);
    const giveUp = (): void => (isInPlace ? chunk.reuse?.(memory) : freeBytes(bytes));
    return new HeldChunk(
      bytes.length,
      { startedMs, endedMs, worker: 0 },
      {
        write: async (sink, offset) => {
          try {
            return writeBytes(bytes, sink, offset, this.#proofCost);
          } finally {
            giveUp();
          }
        },
        release: giveUp,
      },
    );
  }
}

interface PendingReply {
  readonly resolve: (reply: ThreadReply) => void;
  readonly reject: (error: Error) => void;
}

interface ThreadObserver {
  /** The thread was at work for so long. */
  readonly onWorked: (busyMs: number) => void;
  /** It can take another chunk. */
  readonly onFree: () => void;
}

/** The life of one worker thread, as seen from the thread that started it. */
class DecodeThread {
  readonly #number: number;
  readonly #worker: Worker;
  readonly #observer: ThreadObserver;
  /** By the chunk's id; a chunk has at most one request under way. */
  readonly #pending: Map<number, PendingReply> = new Map();
  #heldCount = 0;
  #nextId = 0;
  #load = 0;
  #ending: MachineError | undefined;

  constructor(number: number, entry: URL, observer: ThreadObserver) {
    this.#number = number;
    this.#observer = observer;
    // Without the environment: a profiler's NODE_OPTIONS would load itself into the thread and distort it.
    this.#worker = new Worker(entry, { name: `decode-${number}`, env: {} });
    this.#worker.on('message', (reply: ThreadReply) => this.#settle(reply));
    this.#worker.on('error', (error: unknown) => this.#fail(error instanceof Error ? error.message : String(error)));
    this.#worker.on('exit', (code) => this.#fail(`exit code ${code}`));
  }

  /** Chunks being decoded or waiting for it here. */
  get load(): number {
    return this.#load;
  }

  get hasEnded(): boolean {
    return this.#ending !== undefined;
  }

  get isIdle(): boolean {
    return this.#pending.size === 0 && this.#heldCount === 0;
  }

  async decode({ bytes, reuse }: ReceivedChunk, { digest, length }: Slot): Promise<HeldChunk> {
    const id = this.#nextId++;
    this.#load += 1;
    try {
      const request: ThreadRequest = { kind: 'decode', id, bytes, expected: { digest, length } };
      const reply = await this.#call(request, [bytes.buffer]);
      if (reply.kind !== 'decoded') throw new Error(`decode thread ${this.#number} answered ${reply.kind} to decode`);
      const { startedMs, endedMs, pausedMs, memory } = reply;
      if (memory !== undefined) reuse?.(memory);
      this.#observer.onWorked(endedMs - startedMs - pausedMs);
      this.#heldCount += 1;
      return new HeldChunk(
        length,
        { startedMs, endedMs, worker: this.#number },
        {
          write: async (sink, offset) => {
            this.#heldCount -= 1;
            const written = await this.#call({ kind: 'write', id, sink, offset });
            if (written.kind !== 'written')
              throw new Error(`decode thread ${this.#number} answered ${written.kind} to write`);
            if (written.memory !== undefined) reuse?.(written.memory);
            this.#observer.onWorked(written.receipt.endedMs - written.receipt.startedMs);
            return written.receipt;
          },
          release: () => {
            this.#heldCount -= 1;
            if (!this.hasEnded) this.#worker.postMessage({ kind: 'release', id } satisfies ThreadRequest);
          },
        },
      );
    } finally {
      this.#load -= 1;
      this.#observer.onFree();
    }
  }

  async end(reason: string): Promise<void> {
    this.#fail(reason);
    await this.#worker.terminate();
  }

  async #call(request: ThreadRequest, transfer: readonly ArrayBuffer[] = []): Promise<ThreadReply> {
    if (this.#ending !== undefined) throw this.#ending;
    return await new Promise((resolve, reject) => {
      this.#worker.postMessage(request, [...transfer]);
      this.#pending.set(request.id, { resolve, reject });
    });
  }

  #settle(reply: ThreadReply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (reply.kind === 'failed') pending?.reject(fromSentError(reply.error));
    else pending?.resolve(reply);
  }

  #fail(reason: string): void {
    this.#ending ??= threadEnded(`decode thread ${this.#number} has ended: ${reason}`);
    for (const { reject } of this.#pending.values()) reject(this.#ending);
    this.#pending.clear();
  }
}

function threadEnded(message: string): MachineError {
  return new MachineError(message, {
    code: 'decode-thread-ended',
    hint: 'if memory was short, use fewer chunks in flight or fewer decode threads',
  });
}

function isReceived(chunk: EncodedChunk): chunk is ReceivedChunk {
  return 'bytes' in chunk && chunk.bytes instanceof Uint8Array;
}
