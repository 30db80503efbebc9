import { ChunkBuffers } from '../chunk-buffers.ts';
import { Refusal } from '../refusal.ts';
import { BodyTooLong } from '../../transport/body-too-long.ts';
import type { ServerRequest } from '../../transport/transport.ts';

/** As long as others are being stored nobody begins to receive above this: the disk is slower than the network. */
const COMFORTABLE_BYTES: number = 128 * 1024 * 1024;

/**
 * More is refused. Real clients may have 100 chunks of 4 MiB on their way in one connection, nearly all of each but its
 * last 12 bytes (observed: frames of 4 MiB and of 12 bytes), so that waiting with less could wait forever.
 */
const MOST_BYTES: number = 1024 * 1024 * 1024;

export interface UploadMemoryLimits {
  readonly comfortableBytes?: number;
  readonly mostBytes?: number;
}

/** The body of an upload, in memory that goes back when this is disposed. */
export interface Upload extends Disposable {
  /** As many bytes as were announced. */
  readonly bytes: Buffer;
}

interface Waiting {
  readonly bytes: number;
  readonly begin: (memory: Buffer) => void;
  readonly refuse: (refusal: Refusal) => void;
}

/** The memory for uploads of all sessions of a server. */
export class UploadMemory {
  readonly #buffers: ChunkBuffers;
  readonly #comfortableBytes: number;
  readonly #mostBytes: number;
  readonly #waiting: Set<Waiting> = new Set();
  #heldBytes = 0;
  /** Of bodies that are whole and about to be stored: these come back whatever clients do. */
  #wholeBytes = 0;

  constructor(
    buffers: ChunkBuffers,
    { comfortableBytes = COMFORTABLE_BYTES, mostBytes = MOST_BYTES }: UploadMemoryLimits = {},
  ) {
    this.#buffers = buffers;
    this.#comfortableBytes = comfortableBytes;
    this.#mostBytes = mostBytes;
  }

  /** Taken for bodies now. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Receives the body of a request, which must have exactly so many bytes. To be called before the handler waits for
   * anything. Rejects with a Refusal for a body of another length, or where there is no memory.
   */
  async receive(request: ServerRequest, bytes: number): Promise<Upload> {
    let memory: Buffer | undefined;
    try {
      const received = await request.receiveBody(() => {
        const taken = this.#take(bytes, request.signal);
        if (!(taken instanceof Promise)) {
          memory = taken;
          return taken;
        }
        return taken.then((given) => {
          // The request may be over by now, and nobody else know of this memory.
          if (request.signal.aborted) this.#give(given, 0);
          request.signal.throwIfAborted();
          memory = given;
          return given;
        });
      });
      if (memory === undefined || received !== bytes) throw wrongLength(received, bytes);
      return this.#whole(memory, bytes);
    } catch (error) {
      if (memory !== undefined) this.#give(memory, 0);
      throw error instanceof BodyTooLong ? wrongLength(`more than ${bytes}`, bytes) : error;
    }
  }

  #whole(memory: Buffer, bytes: number): Upload {
    this.#wholeBytes += bytes;
    let isHeld = true;
    return {
      bytes: memory,
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#give(memory, bytes);
      },
    };
  }

  #take(bytes: number, signal: AbortSignal): Buffer | Promise<Buffer> {
    const mayBegin = this.#waiting.size === 0 ? this.#mayBegin(bytes) : 'later';
    if (mayBegin === 'now') return this.#lend(bytes);
    if (mayBegin === 'never') throw noMemory();
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { bytes, begin: resolve, refuse: reject };
      this.#waiting.add(waiting);
      signal.addEventListener(
        'abort',
        () => {
          if (this.#waiting.delete(waiting)) reject(signal.reason as Error);
        },
        { once: true },
      );
    });
  }

  #mayBegin(bytes: number): 'now' | 'later' | 'never' {
    if (this.#heldBytes + bytes <= this.#comfortableBytes) return 'now';
    if (this.#wholeBytes > 0) return 'later';
    return this.#heldBytes + bytes <= this.#mostBytes ? 'now' : 'never';
  }

  #lend(bytes: number): Buffer {
    this.#heldBytes += bytes;
    return this.#buffers.take(bytes);
  }

  #give(memory: Buffer, wholeBytes: number): void {
    this.#heldBytes -= memory.length;
    this.#wholeBytes -= wholeBytes;
    this.#buffers.give(memory);
    for (const waiting of this.#waiting) {
      const mayBegin = this.#mayBegin(waiting.bytes);
      if (mayBegin === 'later') return;
      this.#waiting.delete(waiting);
      if (mayBegin === 'now') waiting.begin(this.#lend(waiting.bytes));
      else waiting.refuse(noMemory());
    }
  }
}

const noMemory = (): Refusal => new Refusal(400, 'too many uploads at the same time, no memory left for more');

const wrongLength = (received: number | string, bytes: number): Refusal =>
  new Refusal(400, `got blob with unexpected length (${received} != ${bytes})`);
