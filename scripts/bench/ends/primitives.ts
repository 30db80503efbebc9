// The least that the steps of a restore cost: one process, one thread, nothing of the product but the test data.
import { hash } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';

import { DEFAULT_CHUNK_SIZE, GB, KiB } from '../../../src/model/units.ts';
import { collectLessOften } from '../../../src/process/collect-less-often.ts';
import { serveCalls } from '../../../src/process/serve-calls.ts';
import { payloadChunks, POOL_CHUNKS } from './payload.ts';
import type { Primitive, PrimitiveCalls } from './primitives-control.ts';

/** Of a TLS record, and so of what arrives at a time. */
const PIECE_BYTES = 16 * KiB;

/** Passes over the 16 chunks: 0.5 GB. */
const ROUNDS = 8;

collectLessOften();

const plain = payloadChunks(1);
const compressible = payloadChunks(2);
const frames = compressible.map((chunk) => zstdCompressSync(chunk, { chunkSize: 2 * DEFAULT_CHUNK_SIZE }));
const destinations = plain.map(({ length }) => new Uint8Array(length).fill(1));
const piece = new Uint8Array(PIECE_BYTES).fill(2);

/** Each takes its chunk once. */
const steps: Readonly<Record<Exclude<Primitive, 'write'>, (chunk: number) => void>> = {
  'copy-pieces': (chunk) => {
    const to = destinations[chunk];
    for (let offset = 0; offset < DEFAULT_CHUNK_SIZE; offset += PIECE_BYTES) to?.set(piece, offset);
  },
  'copy-blocks': (chunk) => destinations[chunk]?.set(plain[chunk] ?? piece),
  sha256: (chunk) => void hash('sha256', plain[chunk] ?? piece, 'buffer'),
  'sha256-2to1': (chunk) => void hash('sha256', compressible[chunk] ?? piece, 'buffer'),
  'zstd-2to1': (chunk) => {
    // One byte more than the content spares Node a second buffer; given back at once, so that the next finds it warm.
    const { buffer } = zstdDecompressSync(frames[chunk] ?? piece, { chunkSize: DEFAULT_CHUNK_SIZE + 1 });
    if (buffer instanceof ArrayBuffer) buffer.transfer(0);
  },
};

function cpuSecondsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function repeat(step: (chunk: number) => void): number {
  return cpuSecondsOf(() => {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (let chunk = 0; chunk < POOL_CHUNKS; chunk += 1) step(chunk);
    }
  });
}

/** Into a new file of the final size and without blocks, as a restore makes it; removing it does not count. */
function writeFile(folder: string): number {
  const path = join(folder, `restorelab-bench-${process.pid}`);
  const file = openSync(path, 'wx');
  try {
    ftruncateSync(file, ROUNDS * POOL_CHUNKS * DEFAULT_CHUNK_SIZE);
    let offset = 0;
    return repeat((chunk) => {
      offset += writeSync(file, plain[chunk] ?? piece, 0, DEFAULT_CHUNK_SIZE, offset);
    });
  } finally {
    closeSync(file);
    unlinkSync(path);
  }
}

const calls: PrimitiveCalls = {
  measure: ({ primitive, folder }) => {
    const seconds = primitive === 'write' ? writeFile(folder) : repeat(steps[primitive]);
    return { cpuSecondsPerGb: seconds / ((ROUNDS * POOL_CHUNKS * DEFAULT_CHUNK_SIZE) / GB) };
  },
};

serveCalls(calls);
