import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

import { asMachineError, IntegrityError, KnownError, systemErrorCode } from '../../model/errors.ts';
import { metric, unavailable, type Metric } from '../../model/metric.ts';
import { archiveKind, serverArchiveName } from '../format/archive-name.ts';
import {
  BLOB_HEADER_BYTES,
  decodeBlob,
  ENCRYPTED_BLOB_HEADER_BYTES,
  parseBlob,
  type BlobKind,
} from '../format/blob.ts';
import { chunkDigest } from '../format/digest.ts';
import type { FixedIndex } from '../format/fixed-index.ts';
import { isSigned, manifestFile, type CryptMode } from '../format/manifest.ts';
import { chunkAges, type ChunkAge } from './chunk-ages.ts';
import type { Datastore } from './open-datastore.ts';

export interface ChunkProblem {
  readonly digest: string;
  /** One clause. */
  readonly problem: string;
  readonly code: string;
}

/** Facts of one image. Distinct chunks include the chunk of zeros. */
export interface InspectedArchive {
  readonly archive: string;
  readonly cryptMode: CryptMode;
  /** Bytes. */
  readonly size: number;
  readonly chunkSize: number;
  readonly uuid: string;
  readonly csum: string;
  readonly chunkCount: number;
  /** Slots with a full chunk of zeros. Unknown under a key, which changes its digest. */
  readonly zeroChunkCount: Metric;
  /** Distinct digests; the chunk of zeros counts as one. */
  readonly uniqueChunkCount: number;
  /** Slots of non-zero chunks whose digest stands at an earlier slot. */
  readonly repeatedNonZeroCount: Metric;
  /** Distinct chunks by the kind of their blob; those with problems are not in it. */
  readonly encodings: Readonly<Partial<Record<BlobKind, number>>>;
  /** Plain bytes of distinct chunks without problems. */
  readonly uniqueBytes: number;
  /** Encoded bytes of the same. */
  readonly encodedBytes: number;
  /** Plain bytes of distinct chunks for each encoded byte. */
  readonly compressionRatio: Metric;
  /** Missing or unreadable chunks. */
  readonly problems: readonly ChunkProblem[];
  /** Oldest snapshot first; together all distinct chunks without problems. */
  readonly ages: readonly ChunkAge[];
  /** Snapshots of the group that could not be looked at for ages, and why. */
  readonly skippedSnapshots: readonly { readonly snapshot: string; readonly reason: string }[];
}

export interface InspectedSnapshot {
  readonly snapshot: string;
  /** The manifest carries a signature, which nobody checked. */
  readonly isSigned: boolean;
  readonly archives: readonly InspectedArchive[];
}

export interface InspectOptions {
  /** All images of the snapshot unless given. */
  readonly archive?: string;
  /** Read every distinct chunk whole and check CRC-32, length and digest, not its header and size alone. */
  readonly contents?: boolean;
  /** Plain bytes of distinct chunks that were looked at, of the image at hand. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Chunk statistics of an archive, or of all images of a snapshot.
 * @throws those of `Datastore.readManifest` and `Datastore.readFixedIndex`; the signal's reason when aborted
 */
export async function inspectArchive(
  datastore: Datastore,
  snapshot: string,
  options: InspectOptions = {},
): Promise<InspectedSnapshot> {
  const { archive } = options;
  const manifest = await datastore.readManifest(snapshot);
  const names =
    archive === undefined
      ? manifest.files.map(({ filename }) => filename).filter((filename) => archiveKind(filename) === 'fixed')
      : [serverArchiveName(archive)];
  const archives: InspectedArchive[] = [];
  for (const name of names) {
    const { cryptMode } = manifestFile(manifest, name);
    archives.push(await inspectIndex(datastore, snapshot, name, cryptMode, options));
  }
  return { snapshot, isSigned: isSigned(manifest), archives };
}

async function inspectIndex(
  datastore: Datastore,
  snapshot: string,
  archive: string,
  cryptMode: CryptMode,
  { contents = false, onProgress, signal }: InspectOptions,
): Promise<InspectedArchive> {
  const index = await datastore.readFixedIndex(snapshot, archive);
  const { lengths, zeroChunkCount } = distinctChunks(index);
  const encodings: Partial<Record<BlobKind, number>> = {};
  const problems: ChunkProblem[] = [];
  const encodedBytesOf = new Map<string, number>();
  let uniqueBytes = 0;
  let encodedBytes = 0;
  const totalBytes = [...lengths.values()].reduce((sum, length) => sum + length, 0);
  let doneBytes = 0;
  for (const [digest, length] of lengths) {
    signal?.throwIfAborted();
    doneBytes += length;
    onProgress?.(doneBytes, totalBytes);
    try {
      const { kind, bytes } = await readChunkHeader(datastore, digest, cryptMode);
      if (contents) checkContents(await datastore.readChunk(digest), digest, length, cryptMode);
      encodings[kind] = (encodings[kind] ?? 0) + 1;
      encodedBytesOf.set(digest, bytes);
      encodedBytes += bytes;
      uniqueBytes += length;
    } catch (error) {
      if (!(error instanceof KnownError)) throw error;
      problems.push({ digest, problem: error.message, code: error.code });
    }
  }
  const { ages, skipped } = await chunkAges(datastore, snapshot, archive, encodedBytesOf);
  const isKeyed = cryptMode === 'encrypt';
  const unknown = unavailable('unknown without the key, which changes the digest of a chunk of zeros');
  return {
    archive,
    cryptMode,
    size: index.size,
    chunkSize: index.chunkSize,
    uuid: index.uuid,
    csum: index.csum,
    chunkCount: index.slotCount,
    zeroChunkCount: isKeyed ? unknown : metric(zeroChunkCount),
    uniqueChunkCount: lengths.size,
    repeatedNonZeroCount: isKeyed
      ? unknown
      : metric(index.slotCount - zeroChunkCount - lengths.size + (zeroChunkCount > 0 ? 1 : 0)),
    encodings,
    uniqueBytes,
    encodedBytes,
    compressionRatio: encodedBytes === 0 ? unavailable('no chunk could be read') : metric(uniqueBytes / encodedBytes),
    problems,
    ages,
    skippedSnapshots: skipped,
  };
}

interface DistinctChunks {
  /** Plain bytes by digest, in the order of first occurrence. */
  readonly lengths: ReadonlyMap<string, number>;
  readonly zeroChunkCount: number;
}

function distinctChunks(index: FixedIndex): DistinctChunks {
  const lengths = new Map<string, number>();
  let zeroChunkCount = 0;
  for (const slot of index.slots()) {
    if (!lengths.has(slot.digest)) lengths.set(slot.digest, slot.length);
    if (slot.isZero) zeroChunkCount += 1;
  }
  return { lengths, zeroChunkCount };
}

/** The digest of an encrypted chunk can only be checked with its key; its CRC-32 says whether it was damaged in storage. */
function checkContents(encoded: Uint8Array, digest: string, length: number, cryptMode: CryptMode): void {
  if (cryptMode === 'encrypt') {
    const { payload, crc } = parseBlob(encoded);
    if (crc32(payload) !== crc)
      throw new IntegrityError('its CRC-32 is not the one in its header', { code: 'blob-crc' });
    return;
  }
  const plain = decodeBlob(encoded, { maxPlainBytes: length });
  if (plain.length !== length) {
    throw new IntegrityError(`it holds ${plain.length} bytes, its place in the image ${length}`, {
      code: 'chunk-length',
    });
  }
  if (chunkDigest(plain) !== digest) {
    throw new IntegrityError('its bytes are not those of its digest', { code: 'chunk-digest' });
  }
}

interface ChunkHeader {
  readonly kind: BlobKind;
  /** Encoded, header included. */
  readonly bytes: number;
}

async function readChunkHeader(datastore: Datastore, digest: string, cryptMode: CryptMode): Promise<ChunkHeader> {
  const path = datastore.chunkPath(digest);
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const header = Buffer.alloc(Math.min(size, ENCRYPTED_BLOB_HEADER_BYTES));
    await file.read(header, 0, header.length, 0);
    const { kind } = parseBlob(header);
    const isEncrypted = kind === 'encrypted' || kind === 'zstd-encrypted';
    if (isEncrypted !== (cryptMode === 'encrypt')) {
      throw new IntegrityError(`the chunk is ${isEncrypted ? '' : 'not '}encrypted, the archive is ${cryptMode}`, {
        code: 'chunk-crypt-mode',
      });
    }
    // An image has no chunk of no bytes; this is what a crash before PBS synced the file leaves.
    if (size === (isEncrypted ? ENCRYPTED_BLOB_HEADER_BYTES : BLOB_HEADER_BYTES)) {
      throw new IntegrityError('the chunk holds no bytes', { code: 'chunk-empty' });
    }
    return { kind, bytes: size };
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT')
      throw new IntegrityError('the chunk is missing', { code: 'chunk-missing' });
    throw asMachineError(error, `reading ${path}`);
  }
}
