import { freeBytes } from '../memory/free-bytes.ts';
import type { ChunkDecoder, Clock, EncodedChunk } from '../model/ports.ts';
import type { LentMemory, ReceivedChunk } from '../model/received-chunk.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import { CpuEstimate } from './cpu-estimate.ts';
import { decodeChunk, type ExpectedChunk } from './decode-chunk.ts';
import { DecodeThread, threadEnded } from './decode-thread.ts';
import { HeldChunk, writeBytes } from './held-chunk.ts';
import { Bell } from './thread-memory.ts';

export interface DecoderPoolOptions {
  /** Worker threads; 0 decodes on the calling thread. */
  readonly threads: number;
  /** Must read CLOCK_MONOTONIC, as the threads do. */
  readonly clock: Clock;
  /** Of the archive whose chunks are decoded, where it is encrypted. */
  readonly crypt?: CryptConfig;
  /** Module that the threads run; `worker.ts` unless given. */
  readonly entry?: URL;
}

/**
 * Chunks that a thread is given at a time: the one it works on and the next, so that it does not idle while the main
 * thread is busy with the socket. More would only bind waiting chunks to a thread that may be the last to be free.
 */
const CHUNKS_PER_THREAD = 2;

interface WaitingChunk {
  readonly chunk: ReceivedChunk;
  readonly slot: ExpectedChunk;
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
  readonly #bell: Bell = new Bell();
  readonly #taken: WeakSet<ReceivedChunk> = new WeakSet();
  readonly #proofCost: CpuEstimate = new CpuEstimate();
  #busyMs = 0;
  #isDisposed = false;

  constructor(options: DecoderPoolOptions) {
    this.#options = options;
    for (let number = 1; number <= options.threads; number += 1) this.#threads.push(this.#startThread(number));
    if (options.threads > 0) void this.#takeReplies();
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
  async decode(chunk: EncodedChunk, slot: ExpectedChunk): Promise<HeldChunk> {
    if (!isReceived(chunk)) throw new TypeError('the decoder needs chunks that carry their bytes');
    if (this.#taken.has(chunk)) throw new Error(`chunk ${chunk.digest} was handed on twice`);
    if (!chunk.memory.isLent) throw new Error(`the memory of chunk ${chunk.digest} was taken back`);
    this.#taken.add(chunk);
    if (this.#options.threads === 0) return this.#decodeHere(chunk, slot);
    if (this.#isDisposed) {
      chunk.memory.giveBack();
      throw threadEnded('the decoder was closed');
    }
    return await new Promise<HeldChunk>((resolve) => {
      this.#waiting.push({ chunk, slot, resolve });
      this.#dispatch();
    });
  }

  /**
   * Frees everything that is queued or held, after a restore that broke off; its handles are worthless then. Threads
   * that have nothing of it stay as they are. What is held on the calling thread is worthless when its memory is
   * reclaimed.
   */
  async reset(): Promise<void> {
    this.#refuseWaiting('the decoder was reset');
    await Promise.all(
      this.#threads.map(async (thread, index) => {
        if (thread.isIdle) return;
        this.#threads[index] = this.#startThread(index + 1);
        await thread.end('the decoder was reset');
      }),
    );
  }

  /** A slab that will not be used again. */
  forget(slab: number): void {
    for (const thread of this.#threads) thread.forget(slab);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    this.#bell.ring();
    this.#refuseWaiting('the decoder was closed');
    await Promise.all(this.#threads.map(async (thread) => await thread.end('the decoder was closed')));
  }

  #refuseWaiting(reason: string): void {
    for (const { chunk, resolve } of this.#waiting.splice(0)) {
      chunk.memory.giveBack();
      resolve(Promise.reject(threadEnded(reason)));
    }
  }

  /** The threads speak through memory; this hears all of them, several at once where the main thread was busy. */
  async #takeReplies(): Promise<void> {
    while (!this.#isDisposed) {
      const { rung } = this.#bell;
      for (const thread of this.#threads) thread.takeReplies();
      await this.#bell.rungMoreThan(rung);
    }
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#leastLoadedThread();
      if (thread.load >= CHUNKS_PER_THREAD || thread.isFull) return;
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
    const { entry, crypt } = this.#options;
    return new DecodeThread({
      number,
      bell: this.#bell,
      ...(crypt === undefined ? {} : { crypt }),
      ...(entry === undefined ? {} : { entry }),
      onWorked: (busyMs) => {
        this.#busyMs += busyMs;
      },
      // After the promise's own continuations, so that the write of the chunk just decoded is posted before the next
      // decode and the thread does it first.
      onFree: () => setImmediate(() => this.#dispatch()),
    });
  }

  #decodeHere({ bytes: encoded, memory }: ReceivedChunk, slot: ExpectedChunk): HeldChunk {
    const { clock, crypt } = this.#options;
    const startedMs = clock.now();
    const bytes = decodeOrGiveBack(encoded, memory, slot, crypt);
    const endedMs = clock.now();
    this.#busyMs += endedMs - startedMs;
    const isInSlab = bytes.buffer === memory.buffer;
    if (!isInSlab) memory.giveBack();
    const giveUp = (): void => (isInSlab ? memory.giveBack() : freeBytes(bytes));
    return new HeldChunk(
      bytes.length,
      { startedMs, endedMs, worker: 0 },
      {
        write: async (sink, offset) => {
          if (isInSlab && !memory.isLent)
            throw threadEnded(`the memory of the chunk for offset ${offset} was taken back`);
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

function decodeOrGiveBack(
  encoded: Uint8Array,
  memory: LentMemory,
  slot: ExpectedChunk,
  crypt: CryptConfig | undefined,
): Uint8Array {
  try {
    return decodeChunk(encoded, slot, crypt === undefined ? {} : { crypt });
  } catch (error) {
    memory.giveBack();
    throw error;
  }
}

function isReceived(chunk: EncodedChunk): chunk is ReceivedChunk {
  return 'bytes' in chunk && chunk.bytes instanceof Uint8Array;
}
