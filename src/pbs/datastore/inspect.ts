import { open } from 'node:fs/promises';

import { asMachineError, IntegrityError, KnownError, systemErrorCode } from '../../model/errors.ts';
import { metric, unavailable, type Metric } from '../../model/metric.ts';
import type { ArchiveIndex } from '../format/archive-index.ts';
import { archiveKind } from '../format/archive-name.ts';
import { BLOB_HEADER_BYTES, ENCRYPTED_BLOB_HEADER_BYTES, parseBlob, type BlobKind } from '../format/blob.ts';
import type { CryptConfig } from '../format/crypt-config.ts';
import { findArchive } from '../format/find-archive.ts';
import type { IndexKind } from '../format/index-header.ts';
import { signatureWarning, verifyManifestSignature, type SignatureState } from '../format/manifest-signature.ts';
import type { CryptMode, Manifest, ManifestFile } from '../format/manifest.ts';
import { checkChunk, checkChunkMode } from './check-chunk.ts';
import { chunkAges, type ChunkAge } from './chunk-ages.ts';
import type { Datastore } from './open-datastore.ts';

export interface ChunkProblem {
  readonly digest: string;
  /** One clause. */
  readonly problem: string;
  readonly code: string;
}

/** Facts of one image or archive of files. Distinct chunks include the chunk of zeros. */
export interface InspectedArchive {
  readonly archive: string;
  readonly kind: IndexKind;
  readonly cryptMode: CryptMode;
  /** Bytes. */
  readonly size: number;
  /** Of a dynamic one, its longest chunk. */
  readonly chunkSize: number;
  readonly uuid: string;
  readonly csum: string;
  readonly chunkCount: number;
  /** Slots with a full chunk of zeros. Unknown without the key, which changes its digest, and of archives of files. */
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
  readonly signature: SignatureState;
  /** What that means for its reader, one sentence. */
  readonly signatureWarning?: string;
  readonly archives: readonly InspectedArchive[];
}

export interface InspectOptions {
  /** All images and archives of the snapshot unless given; both halves of one that was split. */
  readonly archive?: string;
  /** Read every distinct chunk whole and check CRC-32, length and digest, not its header and size alone. */
  readonly contents?: boolean;
  /** That the snapshot was made with. Without it, of encrypted chunks only the CRC-32 can be checked. */
  readonly crypt?: CryptConfig;
  /** Plain bytes of distinct chunks that were looked at, of the image at hand. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Chunk statistics of an archive, or of all images and archives of a snapshot.
 * @throws those of `Datastore.readManifest`, `Datastore.readIndex` and `verifyManifestSignature`; the signal's reason
 * when aborted
 */
export async function inspectArchive(
  datastore: Datastore,
  snapshot: string,
  options: InspectOptions = {},
): Promise<InspectedSnapshot> {
  const { archive, crypt } = options;
  const manifest = await datastore.readManifest(snapshot);
  const signature = verifyManifestSignature(manifest, crypt);
  const archives: InspectedArchive[] = [];
  for (const file of archive === undefined ? indexesOf(manifest) : filesNamed(manifest, archive)) {
    archives.push(await inspectIndex(datastore, snapshot, file, options));
  }
  const warning = signatureWarning(signature, crypt);
  return { snapshot, signature, ...(warning === undefined ? {} : { signatureWarning: warning }), archives };
}

function indexesOf({ files }: Manifest): readonly ManifestFile[] {
  return files.filter(({ filename }) => archiveKind(filename) !== 'blob');
}

function filesNamed(manifest: Manifest, archive: string): readonly ManifestFile[] {
  const { file, otherHalf } = findArchive(manifest, archive);
  return otherHalf === undefined ? [file] : [file, otherHalf];
}

async function inspectIndex(
  datastore: Datastore,
  snapshot: string,
  { filename: archive, cryptMode }: ManifestFile,
  { contents = false, crypt, onProgress, signal }: InspectOptions,
): Promise<InspectedArchive> {
  const index = await datastore.readIndex(snapshot, archive, crypt === undefined ? {} : { crypt });
  const isEncrypted = cryptMode === 'encrypt';
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
      const { kind, bytes } = await readChunkHeader(datastore, digest, isEncrypted);
      if (contents) checkChunk(await datastore.readChunk(digest), { digest, length, isEncrypted }, crypt);
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
  const isUnknown = index.kind === 'fixed' && isEncrypted && crypt === undefined;
  const unknown = unavailable('unknown without the key, which changes the digest of a chunk of zeros');
  return {
    archive,
    kind: index.kind,
    cryptMode,
    size: index.size,
    chunkSize: index.chunkSize,
    uuid: index.uuid,
    csum: index.csum,
    chunkCount: index.slotCount,
    zeroChunkCount: isUnknown ? unknown : zeroCount(index, zeroChunkCount),
    uniqueChunkCount: lengths.size,
    repeatedNonZeroCount: isUnknown
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

function zeroCount({ kind }: ArchiveIndex, count: number): Metric {
  return kind === 'fixed' ? metric(count) : unavailable('not told by a dynamic index');
}

function distinctChunks(index: ArchiveIndex): DistinctChunks {
  const lengths = new Map<string, number>();
  let zeroChunkCount = 0;
  for (const slot of index.slots()) {
    if (!lengths.has(slot.digest)) lengths.set(slot.digest, slot.length);
    if (slot.isZero) zeroChunkCount += 1;
  }
  return { lengths, zeroChunkCount };
}

interface ChunkHeader {
  readonly kind: BlobKind;
  /** Encoded, header included. */
  readonly bytes: number;
}

async function readChunkHeader(datastore: Datastore, digest: string, isEncrypted: boolean): Promise<ChunkHeader> {
  const path = datastore.chunkPath(digest);
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const header = Buffer.alloc(Math.min(size, ENCRYPTED_BLOB_HEADER_BYTES));
    await file.read(header, 0, header.length, 0);
    const { kind } = parseBlob(header);
    checkChunkMode(header, isEncrypted);
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
