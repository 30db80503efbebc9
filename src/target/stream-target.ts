import { write } from 'node:fs';
import { promisify } from 'node:util';

import { asMachineError, MachineError, systemErrorCode } from '../model/errors.ts';
import type { Clock, PlainChunk, RestoreTarget } from '../model/ports.ts';
import { MiB } from '../model/units.ts';
import { asHeldChunk } from './discard-target.ts';

export interface StreamOptions {
  readonly fd: number;
  /** What it is, for messages: `standard output`. */
  readonly name: string;
  readonly clock: Clock;
  /** Ends waiting for a reader that does not read. */
  readonly signal: AbortSignal;
}

export interface StreamTargetOptions extends StreamOptions {
  /** Bytes of the image. */
  readonly size: number;
}

/** Between two attempts to write to a full pipe. */
const FULL_PIPE_PAUSE_MS = 1;

const writeSome = promisify(write);

/** Writes to a pipe or another stream; only for strategies that write in index order. */
export class StreamTarget implements RestoreTarget {
  readonly #options: StreamTargetOptions;
  #writtenBytes = 0;

  constructor(options: StreamTargetOptions) {
    this.#options = options;
  }

  async write(offset: number, chunk: PlainChunk): Promise<void> {
    this.#checkOrder(offset);
    const { length } = chunk;
    const { fd } = this.#options;
    try {
      await asHeldChunk(chunk).writeTo({ kind: 'stream', fd }, offset);
    } catch (error) {
      throw asStreamError(error, this.#options);
    }
    this.#writtenBytes += length;
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    this.#checkOrder(offset);
    for (let done = 0; done < length;) {
      const piece = zeroes.subarray(0, Math.min(zeroes.length, length - done));
      await writeToStream(piece, this.#options);
      done += piece.length;
    }
    this.#writtenBytes += length;
  }

  async finish(): Promise<void> {
    const missing = this.#options.size - this.#writtenBytes;
    if (missing !== 0) throw new Error(`the strategy has left out ${missing} bytes of the image`);
  }

  #checkOrder(offset: number): void {
    if (offset !== this.#writtenBytes)
      throw new Error(`the strategy wrote at ${offset} to a stream that has ${this.#writtenBytes} bytes`);
  }
}

/**
 * Writes bytes of this thread behind what was written before.
 * @throws MachineError, `reader-gone` where nobody reads any more; the signal's reason when aborted
 */
export async function writeToStream(bytes: Uint8Array, options: StreamOptions): Promise<void> {
  const { fd, clock, signal } = options;
  for (let done = 0; done < bytes.length;) {
    signal.throwIfAborted();
    try {
      done += (await writeSome(fd, bytes, done, bytes.length - done, null)).bytesWritten;
    } catch (error) {
      if (systemErrorCode(error) !== 'EAGAIN') throw asStreamError(error, options);
      await clock.sleep(FULL_PIPE_PAUSE_MS, signal);
    }
  }
}

function asStreamError(error: unknown, { name }: StreamOptions): unknown {
  if (systemErrorCode(error) !== 'EPIPE') return asMachineError(error, `writing to ${name}`);
  return new MachineError(`the reader of ${name} has gone before all was written`, {
    code: 'reader-gone',
    hint: 'see what the program behind the pipe says; what it has got is not the whole archive',
    cause: error,
  });
}

const zeroes: Uint8Array = new Uint8Array(MiB);
