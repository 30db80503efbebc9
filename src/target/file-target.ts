import { createHash } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

import { asMachineError, systemErrorCode, UsageError } from '../model/errors.ts';
import { slotLength, slotStart, type SlotPlaces } from '../model/image.ts';
import type { Clock, PlainChunk } from '../model/ports.ts';
import { BusyTime } from './busy-time.ts';
import { isInside, listGapsAndOverlaps, outsideOfImage, shortenProblems, type RecordedWrite } from './coverage.ts';
import { asHeldChunk, secondHandOver } from './discard-target.ts';
import type { ExpectedImage, IndexedImage, ProofOutcome, ProvableTarget } from './target.ts';

export interface FileTargetOptions {
  readonly clock: Clock;
  /** Bytes of the image; the file has this size from the start and no blocks. */
  readonly size: number;
  readonly keep?: boolean;
}

/**
 * Makes a new sparse file of the image's size.
 * @throws UsageError `target-exists`, `target-folder-missing`; MachineError when the file cannot be made
 */
export async function createFileTarget(path: string, options: FileTargetOptions): Promise<FileTarget> {
  const file = await openNew(path);
  const target = new FileTarget(path, file, options);
  try {
    await file.truncate(options.size);
  } catch (error) {
    await target[Symbol.asyncDispose]();
    throw asMachineError(error, `making the target ${path}`);
  }
  return target;
}

/** Writes each chunk at its place from the thread that holds it, and is proven by reading the whole file back. */
export class FileTarget implements ProvableTarget {
  /** The bytes are proven after the restore, so writing them costs no extra CPU. */
  readonly proofCpuMs = 0;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #busy: BusyTime;
  readonly #keep: boolean;
  readonly #size: number;
  readonly #writes: RecordedWrite[] = [];
  readonly #problems: string[] = [];
  /** Writes that a thread may still execute: its descriptor must stay that of this file. */
  readonly #pending: Set<Promise<unknown>> = new Set();

  constructor(path: string, file: FileHandle, { clock, size, keep = false }: FileTargetOptions) {
    this.#path = path;
    this.#file = file;
    this.#busy = new BusyTime(clock);
    this.#size = size;
    this.#keep = keep;
  }

  get writeBusyMs(): number {
    return this.#busy.totalMs;
  }

  async write(offset: number, chunk: PlainChunk): Promise<void> {
    const held = asHeldChunk(chunk);
    if (!held.isHeld) {
      this.#problems.push(secondHandOver(offset));
      return;
    }
    if (!isInside(offset, held.length, this.#size)) {
      this.#problems.push(outsideOfImage(offset, held.length, this.#size));
      held.release();
      return;
    }
    const writing = this.#busy.during(async () => await held.writeTo({ kind: 'file', fd: this.#file.fd }, offset));
    this.#pending.add(writing);
    try {
      await writing;
      this.#writes.push({ offset, length: held.length });
    } catch (error) {
      throw asMachineError(error, `writing the target ${this.#path}`);
    } finally {
      this.#pending.delete(writing);
    }
  }

  /** The file is new, so a range that was never written reads as zeros and takes no space. */
  async writeZeroes(offset: number, length: number): Promise<void> {
    this.#writes.push({ offset, length });
  }

  async finish(): Promise<void> {
    try {
      await this.#busy.during(async () => await this.#file.sync());
    } catch (error) {
      throw asMachineError(error, `writing the target ${this.#path}`);
    }
  }

  async prove(expected: ExpectedImage | IndexedImage, signal?: AbortSignal): Promise<ProofOutcome> {
    const { size } = await this.#file.stat();
    const problems = [...this.#problems, ...listGapsAndOverlaps(this.#writes, expected.size)];
    if (size !== expected.size) problems.push(`the file has ${size} bytes, the image ${expected.size}`);
    const isRight = (slot: number, bytes: Uint8Array): boolean =>
      'matches' in expected ? expected.matches(slot, bytes) : crc32(bytes) === expected.slotChecksums[slot];
    const known = 'matches' in expected ? undefined : expected.sha256;
    const hash = createHash('sha256');
    const wrong: string[] = [];
    for await (const [slot, bytes] of this.#readSlots(expected)) {
      signal?.throwIfAborted();
      hash.update(bytes);
      if (!isRight(slot, bytes)) {
        wrong.push(`wrong bytes at offset ${slotStart(expected, slot)} (${bytes.length} bytes)`);
      }
    }
    const sha256 = hash.digest('hex');
    if (known === undefined || sha256 !== known) problems.push(...wrong);
    if (known !== undefined && sha256 !== known) {
      problems.unshift(`the SHA-256 of the file is ${sha256}, that of the image ${known}`);
    }
    return {
      verified: problems.length === 0,
      proof: {
        method: known === undefined ? 'crc32-per-chunk' : 'sha256-of-file',
        problems: shortenProblems(problems),
      },
      sha256,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#pending);
    await this.#file.close();
    if (!this.#keep) await rm(this.#path, { force: true });
  }

  /** Yields the same memory each time. */
  async *#readSlots(expected: SlotPlaces): AsyncGenerator<readonly [slot: number, bytes: Uint8Array]> {
    const buffer = new Uint8Array(expected.chunkSize);
    for (let slot = 0; slotStart(expected, slot) < expected.size; slot += 1) {
      const start = slotStart(expected, slot);
      const length = slotLength(expected, slot);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await this.#file.read(buffer, done, length - done, start + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      yield [slot, buffer.subarray(0, done)];
    }
  }
}

async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx+');
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EEXIST') {
      throw new UsageError(`the target ${path} exists already`, {
        code: 'target-exists',
        hint: 'restores only write new files: name another path, or remove it',
      });
    }
    if (code === 'ENOENT') {
      throw new UsageError(`the folder of the target ${path} does not exist`, {
        code: 'target-folder-missing',
        hint: 'make the folder first, or name another path',
      });
    }
    throw asMachineError(error, `making the target ${path}`);
  }
}
