import { relative } from 'node:path';

import { DecoderPool } from '../decode/decoder-pool.ts';
import { SlabPool } from '../memory/slab-pool.ts';
import { IntegrityError, InterruptedError, UsageError } from '../model/errors.ts';
import { metric, unavailable } from '../model/metric.ts';
import type { Clock } from '../model/ports.ts';
import type { ReceivedChunk } from '../model/received-chunk.ts';
import type { VerifyOutcome, VerifyProblem, VerifySettings } from '../model/verify.ts';
import type { Datastore } from '../pbs/datastore/open-datastore.ts';
import { encodeBlob } from '../pbs/format/blob.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import { chunkDigest } from '../pbs/format/digest.ts';
import { ChunkList } from './chunk-list.ts';
import {
  asProblem,
  collectArchives,
  placeOf,
  type VerifiedArchive,
  type VerifiedSnapshot,
} from './collect-archives.ts';
import { FoundProblems } from './found-problems.ts';
import { ReadThreads } from './read-threads.ts';
import { verifyChunks, type VerifiedChunk } from './verify-chunks.ts';

export interface VerifyOptions extends Pick<VerifySettings, 'snapshot' | 'readThreads' | 'verifyThreads' | 'order'> {
  /** The namespace of the snapshot, or that which is verified with all below it. */
  readonly datastore: Datastore;
  readonly crypt?: CryptConfig;
  readonly clock: Clock;
  /** Once chunks are being read, an InterruptedError ends the verify with what was found until then. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: VerifyProgress) => void;
  readonly onVerified?: (verified: VerifiedChunk) => void;
  /** All threads run, and the first chunk is read next; and the last one was checked. */
  readonly onStart?: () => void;
  readonly onEnd?: () => void;
}

/** Plain bytes of distinct chunks; indexes are read before any of them. */
export type VerifyProgress =
  | { readonly step: 'indexes'; readonly snapshots: number; readonly totalSnapshots: number }
  | { readonly step: 'chunks'; readonly doneBytes: number; readonly totalBytes: number };

/** Chunks that wait for a verify thread, for each of them: the next is there when one is done, and no more are held. */
const WAITING_PER_THREAD = 2;

/**
 * Verifies a snapshot or a whole datastore as PBS does: manifests, blobs and indexes first, then every chunk once, archive
 * by archive, so many read and so many checked at a time. Damage is collected and does not stop it.
 * @throws UsageError `snapshot-not-found`, `datastore-empty` and `wrong-key`; MachineError; the signal's reason
 */
export async function verifyDatastore(options: VerifyOptions): Promise<VerifyOutcome> {
  const { datastore, readThreads, verifyThreads, order, clock, signal, onProgress, onVerified, crypt } = options;
  const problems = new FoundProblems();
  const warnings: string[] = [];
  const archives: VerifiedArchive[] = [];
  const list = new ChunkList();
  const keys: string[] = [];
  const snapshots = await listSnapshots(options);
  for (const [index, snapshot] of snapshots.entries()) {
    signal.throwIfAborted();
    try {
      await collectArchives(snapshot, {
        ...(crypt === undefined ? {} : { crypt }),
        onProblem: (problem) => problems.add(snapshot, problem),
        onWarning: (sentence) => warnings.push(sentence),
        onKey: (fingerprint) => keys.push(fingerprint),
        onArchive: async (archive) => {
          archives.push(archive);
          for (const problem of lengthProblems(await list.add(archive), archive)) problems.add(snapshot, problem);
        },
      });
    } catch (error) {
      // Of a whole datastore any may go meanwhile, by a prune job; one that was named has to be there.
      if (options.snapshot !== undefined || (await snapshot.datastore.hasManifest(snapshot.name))) throw error;
      problems.addRemoved(snapshot);
    }
    onProgress?.({ step: 'indexes', snapshots: index + 1, totalSnapshots: snapshots.length });
  }

  if (crypt !== undefined) warnings.push(...checkKey(crypt.fingerprint, keys));

  const pools: DecoderPool[] = [];
  const memory = new SlabPool({
    limit: readThreads + WAITING_PER_THREAD * verifyThreads,
    onDropped: (slab) => {
      for (const pool of pools) pool.forget(slab);
    },
  });
  await using decoder = new DecoderPool({ threads: verifyThreads, clock, ...(crypt === undefined ? {} : { crypt }) });
  pools.push(decoder);
  await using readers = new ReadThreads(readThreads, memory);
  await Promise.all([readers.ready(), warmUp(decoder, verifyThreads, memory)]);
  let checkedBytes = 0;
  let checkedCount = 0;
  let readBytes = 0;
  let withoutKeyCount = 0;
  const done = (length: number): void => {
    checkedBytes += length;
    checkedCount += 1;
    onProgress?.({ step: 'chunks', doneBytes: checkedBytes, totalBytes: list.uniqueBytes });
  };
  const verifyBusyBefore = decoder.busyMs;
  let status: VerifyOutcome['status'] = 'completed';
  options.onStart?.();
  const startedAtMs = clock.now();
  const verifying = verifyChunks({
    chunks: list.inOrder(order, datastore),
    pathOf: (digest) => datastore.chunkPath(digest),
    readers,
    readThreads,
    decoder,
    clock,
    signal,
    onVerified: (verified) => {
      readBytes += verified.encodedBytes;
      if (verified.chunk.encryption === 'unknown-key') withoutKeyCount += 1;
      onVerified?.(verified);
      done(verified.chunk.length);
    },
    onDamaged: ({ digest, length }, error) => {
      const file = relative(datastore.path, datastore.chunkPath(digest));
      problems.addChunk(digest, asProblem(error, { file, digest, affects: [] }));
      done(length);
    },
  });
  try {
    await verifying;
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    status = 'interrupted';
  }
  const durationMs = clock.now() - startedAtMs;
  options.onEnd?.();
  const settled = await problems.settle(archives);
  if (options.snapshot !== undefined && settled.removed.length > 0) await datastore.requireSnapshot(options.snapshot);
  const unknownZeroes = unavailable('it takes the key, which changes the digest of a chunk of zeros');
  return {
    status,
    snapshotCount: snapshots.length,
    archiveCount: list.archiveCount,
    slotCount: list.slotCount,
    chunkCount: list.uniqueCount,
    checkedCount,
    withoutKeyCount,
    bytes: {
      logical: list.logicalBytes,
      data: list.hasUnknownZeroes ? unknownZeroes : metric(list.dataBytes),
      unique: list.uniqueBytes,
      checked: checkedBytes,
      read: readBytes,
    },
    problems: settled.problems,
    warnings: [
      ...warnings,
      ...settled.removed.map(
        (place) => `${place} was removed while it was verified: what is missing of it is no damage`,
      ),
    ],
    startedAtMs,
    durationMs,
    readBusyMs: readers.busyMs,
    verifyBusyMs: decoder.busyMs - verifyBusyBefore,
  };
}

/**
 * A sentence where some snapshots are under another key than the one that was given.
 * @throws UsageError `wrong-key` where all of them are
 */
function checkKey(given: string, keys: readonly string[]): readonly string[] {
  const others = keys.filter((fingerprint) => fingerprint !== given);
  if (others.length === 0) return [];
  const named = [...new Set(others)].join(', ');
  if (others.length === keys.length) {
    const which = keys.length === 1 ? 'this backup' : `any of the ${keys.length} encrypted or signed snapshots`;
    throw new UsageError(`the key is not the one of ${which}: it is ${given}, the manifests name ${named}`, {
      code: 'wrong-key',
      hint: 'name the key file whose fingerprint the manifests name, or leave --keyfile out: then the CRC-32 alone is checked',
    });
  }
  return [
    `${others.length} of ${keys.length} encrypted or signed snapshots are under another key (${named}), and were verified as without one`,
  ];
}

/** A thread takes a while to start, which is not what is measured: each checks one tiny chunk first. */
async function warmUp(decoder: DecoderPool, threads: number, memory: SlabPool): Promise<void> {
  const plain = new Uint8Array(1);
  const blob = encodeBlob(plain, { compress: false });
  const digest = chunkDigest(plain);
  const never = new AbortController().signal;
  const timing = { requestSentMs: 0, firstByteMs: 0, lastByteMs: 0, connection: 0 };
  await Promise.all(
    Array.from({ length: threads }, async () => {
      const loan = await memory.take(blob.length, never);
      loan.bytes.set(blob);
      const chunk: ReceivedChunk = { digest, bytes: loan.bytes, encodedBytes: blob.length, timing, memory: loan };
      (await decoder.decode(chunk, { digest, length: plain.length, encryption: 'none' })).release();
    }),
  );
}

async function listSnapshots({ datastore, snapshot }: VerifyOptions): Promise<readonly VerifiedSnapshot[]> {
  if (snapshot !== undefined) {
    await datastore.requireSnapshot(snapshot);
    return [{ datastore, name: snapshot }];
  }
  const found: VerifiedSnapshot[] = [];
  for (const namespace of await datastore.listNamespaces()) {
    const place = datastore.inNamespace(namespace);
    for (const group of await place.listSnapshots())
      found.push(...group.snapshots.map(({ name }) => ({ datastore: place, name })));
  }
  return found;
}

function lengthProblems(digests: readonly string[], archive: VerifiedArchive): readonly VerifyProblem[] {
  const file = placeOf(archive, archive.file.filename);
  return digests.map((digest) =>
    asProblem(
      new IntegrityError(`it gives chunk ${digest} another length than an index before it`, { code: 'index-length' }),
      { file, digest, affects: [file] },
    ),
  );
}
