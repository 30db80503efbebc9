// Measures what generating an image costs beyond what its bytes cost anyway. Reference: SHA-256 twice (chunk and image),
// zstd level 1, CRC-32 and a file write of the same non-zero bytes, as a backup client and a verifier would pay. Rounds
// are interleaved, CPU is that of this process (user and system, all threads).
//
//     node scripts/workload-cost.ts [rounds] [MiB]
import { createHash, hash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import { Cache } from '../src/cache/cache.ts';
import { DEFAULT_CHUNK_SIZE, MiB } from '../src/model/units.ts';
import { compressZstd } from '../src/pbs/format/zstd.ts';
import { ChunkMaterial } from '../src/material/chunk-material.ts';
import { ensureDatastore } from '../src/workload/ensure-datastore.ts';

/** The bound that the generator is to keep. */
const ALLOWED_RATIO = 1.4;

const [rounds = 5, imageMiB = 256] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), 'restorelab-workload-cost-'));
const chunkCount = (imageMiB * MiB) / DEFAULT_CHUNK_SIZE;

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function generate(compressionRatio: number, round: number): Promise<number> {
  const image = { sizeBytes: imageMiB * MiB, zeroShare: 0, repeatedShare: 0, compressionRatio, seed: `cost ${round}` };
  const cache = new Cache(join(folder, `cache-${compressionRatio}-${round}`));
  const before = cpuMs();
  const { signal } = new AbortController();
  using workload = await ensureDatastore({
    image,
    history: { depth: 1, changeRate: 0 },
    chunks: 'files',
    cache,
    signal,
  });
  const spent = cpuMs() - before;
  const reached = workload.facts.uniqueBytes / workload.facts.storedBytes;
  if (Math.abs(reached / compressionRatio - 1) > 0.03) throw new Error(`asked for ${compressionRatio}, got ${reached}`);
  rmSync(cache.folder, { recursive: true });
  return spent;
}

/** Works on the bytes of the first chunks, made before the clock starts; 16 of them are more than any CPU cache. */
function reference(compressionRatio: number, round: number): number {
  const material = new ChunkMaterial(`cost ${round}`, compressionRatio);
  const chunks = Array.from({ length: Math.min(16, chunkCount) }, (_, index) => {
    const chunk = new Uint8Array(DEFAULT_CHUNK_SIZE);
    material.fillChunk(chunk, index + 1);
    return chunk;
  });
  const image = createHash('sha256');
  const before = cpuMs();
  for (let index = 0; index < chunkCount; index += 1) {
    const chunk = chunks[index % chunks.length] ?? new Uint8Array();
    hash('sha256', chunk, 'hex');
    image.update(chunk);
    crc32(chunk);
    const compressed = compressZstd(chunk);
    const file = openSync(join(folder, `reference-${index}`), 'w');
    writeSync(file, compressed.length <= chunk.length ? compressed : chunk);
    closeSync(file);
  }
  const spent = cpuMs() - before;
  for (let index = 0; index < chunkCount; index += 1) rmSync(join(folder, `reference-${index}`));
  return spent;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

try {
  for (const ratio of [1, 2, 10]) {
    const generated: number[] = [];
    const referenced: number[] = [];
    for (let round = -1; round < rounds; round += 1) {
      const one = reference(ratio, round);
      const other = await generate(ratio, round);
      if (round < 0) continue;
      referenced.push(one);
      generated.push(other);
    }
    const ratios = generated.map((spent, round) => spent / (referenced[round] ?? Number.NaN));
    const nanosecondsPerByte = (ms: number): string => ((ms * 1e6) / (imageMiB * MiB)).toFixed(2);
    const worst = Math.max(...ratios);
    console.log(
      `ratio ${ratio}: generating ${nanosecondsPerByte(median(generated))}, reference ${nanosecondsPerByte(median(referenced))} ` +
        `CPU ns per byte; ${median(ratios).toFixed(2)} x (worst of ${rounds}: ${worst.toFixed(2)}), allowed ${ALLOWED_RATIO}`,
    );
    if (median(ratios) > ALLOWED_RATIO) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
