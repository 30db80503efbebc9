import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

import { decodeChunk } from '../decode/decode-chunk.ts';
import { freeBytes } from '../memory/free-bytes.ts';
import type { ServerSettings } from '../model/environment.ts';
import { slotPlaces, type Image, type Slot } from '../model/image.ts';
import { DEFAULT_CHUNK_SIZE } from '../model/units.ts';
import { requireKey } from '../pbs/client/snapshot-files.ts';
import { openDatastore } from '../pbs/datastore/open-datastore.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import type { PrepareOptions, PreparedImage } from './prepare-image.ts';

type ReadyDatastore = Extract<ServerSettings, { datastore: string }>;

/**
 * Restores an image of a ready datastore once, sequentially, untimed and with every check, to learn what its bytes
 * are: later trials are held against these.
 * @throws UsageError when the datastore, snapshot or archive is not there; IntegrityError when the data are damaged
 */
export async function restoreReference(
  server: ReadyDatastore,
  {
    lab,
    signal,
    onProgress,
    crypt,
  }: Pick<PrepareOptions, 'lab' | 'signal' | 'onProgress'> & { readonly crypt?: CryptConfig },
): Promise<PreparedImage> {
  // Looked up here first: the server would only say that it cannot open a file.
  const datastore = await openDatastore(server.datastore);
  const found = await datastore.findArchive(server.snapshot, server.archive);

  const mounted = await lab.mount(server.datastore);
  await using session = await lab.connect(mounted, {
    snapshot: found.snapshot,
    signal,
    ...(crypt === undefined ? {} : { crypt }),
  });
  const { index, file, warnings, ...keyed } = await session.downloadIndex(found.archive, signal);
  // Also where no chunk is left to tell.
  requireKey(file, await session.downloadManifest(signal), crypt);

  const imageHash = createHash('sha256');
  const slotChecksums = new Uint32Array(index.slotCount);
  const zeroes = new Uint8Array(DEFAULT_CHUNK_SIZE);
  const encodedBytes = new Map<string, number>();
  let unique = 0;
  let dataBytes = 0;
  let zeroChunkCount = 0;
  const learn = ({ index: position, offset, length }: Slot, plain: Uint8Array): void => {
    imageHash.update(plain);
    slotChecksums[position] = crc32(plain);
    onProgress('reading the image once to know its bytes', offset + length, index.size);
  };
  for (const slot of index.slots()) {
    if (slot.isZero) {
      zeroChunkCount += 1;
      learn(slot, slot.length <= zeroes.length ? zeroes.subarray(0, slot.length) : new Uint8Array(slot.length));
      continue;
    }
    const { bytes, encodedBytes: stored, memory } = await session.fetch(slot.digest, signal);
    try {
      const plain = decodeChunk(bytes, slot, keyed.crypt === undefined ? {} : { crypt: keyed.crypt });
      learn(slot, plain);
      freeBytes(plain);
    } finally {
      // Also of a damaged chunk: the trials of other images go on with the same memory.
      memory.giveBack();
    }
    dataBytes += slot.length;
    if (!encodedBytes.has(slot.digest)) unique += slot.length;
    encodedBytes.set(slot.digest, stored);
  }

  const sha256 = imageHash.digest('hex');
  return {
    mounted,
    snapshot: found.snapshot,
    archive: found.archive,
    facts: {
      ...indexFacts(index),
      zeroChunkCount,
      uniqueChunkCount: encodedBytes.size,
      dataBytes,
      uniqueBytes: unique,
      storedBytes: [...encodedBytes.values()].reduce((sum, bytes) => sum + bytes, 0),
      sha256,
      snapshot: found.snapshot,
      archive: found.archive,
    },
    expected: { ...slotPlaces(index), slotChecksums, sha256 },
    ...(crypt === undefined ? {} : { crypt }),
    warnings,
    ...(server.sha256 === undefined || server.sha256 === sha256
      ? {}
      : { mismatch: `the image's SHA-256 is ${sha256}, the scenario's server.sha256 says ${server.sha256}` }),
  };
}

const indexFacts = (index: Image): { sizeBytes: number; chunkSizeBytes: number; chunkCount: number } => ({
  sizeBytes: index.size,
  chunkSizeBytes: index.chunkSize,
  chunkCount: index.slotCount,
});
