import { writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';

import type { DecodeTiming, PlainChunk } from '../model/ports.ts';
import type { CpuEstimate } from './cpu-estimate.ts';
import { monotonicNow } from '../clock/monotonic.ts';
import { writeToStream } from './write-to-stream.ts';

/**
 * Where the thread that holds a chunk puts its bytes: nowhere but into a CRC-32, into an open file at their offset, or
 * into a stream such as a pipe, behind what was written there before.
 */
export type ChunkSink =
  | { readonly kind: 'checksum' }
  | { readonly kind: 'file'; readonly fd: number }
  | { readonly kind: 'stream'; readonly fd: number };

/** What was written, seen by the thread that wrote it. */
export interface WriteReceipt {
  readonly offset: number;
  readonly length: number;
  /** Of the bytes as they were at the time of the write; only for the sink `checksum`. */
  readonly crc32?: number;
  /** CPU time that went into proving the bytes, milliseconds; see {@link CpuEstimate}. */
  readonly cpuMs: number;
  /** On CLOCK_MONOTONIC, in the thread that wrote. */
  readonly startedMs: number;
  readonly endedMs: number;
}

/** The place that has the bytes of a chunk. Each chunk sees one call, of either kind. */
export interface ChunkHolder {
  write(sink: ChunkSink, offset: number): Promise<WriteReceipt>;
  release(): void;
}

/** A decoded and verified chunk whose bytes stay in the thread that decoded it. */
export class HeldChunk implements PlainChunk {
  readonly length: number;
  readonly timing: DecodeTiming;
  #holder: ChunkHolder | undefined;

  constructor(length: number, timing: DecodeTiming, holder: ChunkHolder) {
    this.length = length;
    this.timing = timing;
    this.#holder = holder;
  }

  /** False once the bytes were written or released. */
  get isHeld(): boolean {
    return this.#holder !== undefined;
  }

  /**
   * Has the holding thread write the bytes, and gives them up, whether that succeeds or not. Rejects with the system's
   * error where the file cannot be written, and with a MachineError where the thread has ended.
   */
  async writeTo(sink: ChunkSink, offset: number): Promise<WriteReceipt> {
    const holder = this.#holder;
    if (holder === undefined) throw new Error(`the chunk for offset ${offset} is no longer held`);
    this.#holder = undefined;
    return await holder.write(sink, offset);
  }

  /** Gives the bytes up unwritten. Harmless when they are gone already. */
  release(): void {
    this.#holder?.release();
    this.#holder = undefined;
  }
}

/** Writes in the calling thread, which has one `proofCost` for all its writes. */
export function writeBytes(bytes: Uint8Array, sink: ChunkSink, offset: number, proofCost: CpuEstimate): WriteReceipt {
  const startedMs = monotonicNow();
  const { length } = bytes;
  if (sink.kind === 'file') {
    for (let done = 0; done < length;) done += writeSync(sink.fd, bytes, done, length - done, offset + done);
    return { offset, length, cpuMs: 0, startedMs, endedMs: monotonicNow() };
  }
  if (sink.kind === 'stream') {
    writeToStream(sink.fd, bytes);
    return { offset, length, cpuMs: 0, startedMs, endedMs: monotonicNow() };
  }
  const checksum = crc32(bytes);
  const endedMs = monotonicNow();
  const cpuMs = proofCost.note(endedMs - startedMs, length);
  return { offset, length, crc32: checksum, cpuMs, startedMs, endedMs };
}
