import { KnownError } from '../../model/errors.ts';
import { metric, unavailable, type Metric } from '../../model/metric.ts';
import { withTaskGroup } from '../../model/task-group.ts';
import { archiveKind } from '../format/archive-name.ts';
import type { BlobKind } from '../format/blob.ts';
import type { CryptConfig } from '../format/crypt-config.ts';
import { findArchive } from '../format/find-archive.ts';
import { signatureWarning, verifyManifestSignature, type SignatureState } from '../format/manifest-signature.ts';
import type { Manifest, ManifestFile } from '../format/manifest.ts';
import { chunkAges, type ChunkAge } from './chunk-ages.ts';
import { indexFacts, type DistinctChunks, type IndexFacts } from './index-facts.ts';
import { datastoreSource, type InspectSource, type StoredChunk } from './inspect-source.ts';
import type { Datastore } from './open-datastore.ts';

export interface ChunkProblem {
  readonly digest: string;
  /** One clause. */
  readonly problem: string;
  readonly code: string;
}

/** Facts of one image or archive of files, and what was found by looking at its chunks. */
export interface InspectedArchive extends IndexFacts {
  /** Distinct chunks by the kind of their blob; those with problems are not in it, nor those that nobody looked at. */
  readonly encodings: Readonly<Partial<Record<BlobKind, number>>>;
  /** Plain bytes of distinct chunks without problems; absent where no chunk was looked at. */
  readonly uniqueBytes?: number;
  /** Encoded bytes of the same. */
  readonly encodedBytes?: number;
  /** Plain bytes of distinct chunks for each encoded byte. */
  readonly compressionRatio: Metric;
  /** Missing or unreadable chunks. */
  readonly problems: readonly ChunkProblem[];
  /** Oldest snapshot first; together all distinct chunks without problems. */
  readonly ages: readonly ChunkAge[];
  /** Snapshots that could not be looked at for ages, and why. */
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
 * Chunk statistics of an archive, or of all images and archives of a snapshot in a datastore folder.
 * @throws those of `Datastore.readManifest`, `Datastore.readIndex` and `verifyManifestSignature`; the signal's reason
 * when aborted
 */
export async function inspectArchive(
  datastore: Datastore,
  snapshot: string,
  options: InspectOptions = {},
): Promise<InspectedSnapshot> {
  return await inspectSnapshot(datastoreSource(datastore), snapshot, options);
}

/** The same, wherever the snapshot is; @throws what the source throws, and `verifyManifestSignature` */
export async function inspectSnapshot(
  source: InspectSource,
  snapshot: string,
  options: InspectOptions = {},
): Promise<InspectedSnapshot> {
  const { archive, crypt } = options;
  const manifest = await source.readManifest(snapshot);
  const signature = verifyManifestSignature(manifest, crypt);
  const archives: InspectedArchive[] = [];
  for (const file of archive === undefined ? indexesOf(manifest) : filesNamed(manifest, archive)) {
    archives.push(await inspectIndex(source, snapshot, file, options));
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
  source: InspectSource,
  snapshot: string,
  file: ManifestFile,
  options: InspectOptions,
): Promise<InspectedArchive> {
  const { contents = false, crypt } = options;
  const index = await source.readIndex(snapshot, file.filename, crypt === undefined ? {} : { crypt });
  const { facts, chunks } = indexFacts(index, file, crypt);
  if (!contents && source.readHeader === undefined) {
    const reason = 'not sampled: no chunk was read';
    return {
      ...facts,
      encodings: {},
      compressionRatio: unavailable(reason),
      problems: [],
      ages: [],
      skippedSnapshots: [{ snapshot, reason }],
    };
  }
  const { stored, problems } = await readChunks(source, chunks, file, options);
  const encodings: Partial<Record<BlobKind, number>> = {};
  const encodedBytesOf = new Map<string, number>();
  let uniqueBytes = 0;
  let encodedBytes = 0;
  for (const [digest, { kind, bytes }] of stored) {
    encodings[kind] = (encodings[kind] ?? 0) + 1;
    encodedBytesOf.set(digest, bytes);
    encodedBytes += bytes;
    uniqueBytes += chunks.get(digest) ?? 0;
  }
  const { ages, skipped } = await chunkAges(source, snapshot, file.filename, encodedBytesOf);
  return {
    ...facts,
    encodings,
    uniqueBytes,
    encodedBytes,
    compressionRatio: encodedBytes === 0 ? unavailable('no chunk could be read') : metric(uniqueBytes / encodedBytes),
    problems,
    ages,
    skippedSnapshots: skipped,
  };
}

interface ReadChunks {
  readonly stored: ReadonlyMap<string, StoredChunk>;
  /** In the order of the index. */
  readonly problems: readonly ChunkProblem[];
}

/** Looks at every distinct chunk. What is wrong with a chunk is a finding; what is wrong with the source is thrown. */
async function readChunks(
  source: InspectSource,
  chunks: DistinctChunks,
  { cryptMode }: ManifestFile,
  { contents = false, crypt, onProgress, signal = never }: InspectOptions,
): Promise<ReadChunks> {
  const isEncrypted = cryptMode === 'encrypt';
  const totalBytes = [...chunks.values()].reduce((sum, length) => sum + length, 0);
  let doneBytes = 0;
  const stored = new Map<string, StoredChunk>();
  const problems = new Map<string, ChunkProblem>();
  // All readers take from the same one.
  const waiting = chunks.entries();
  const readOn = async (groupSignal: AbortSignal): Promise<void> => {
    for (const [digest, length] of waiting) {
      groupSignal.throwIfAborted();
      const chunk = { digest, length, isEncrypted };
      try {
        const { readHeader } = source;
        stored.set(
          digest,
          contents || readHeader === undefined
            ? await source.readWhole(chunk, crypt, groupSignal)
            : await readHeader(chunk),
        );
      } catch (error) {
        if (!(error instanceof KnownError) || source.isOfSource(error)) throw error;
        problems.set(digest, { digest, problem: error.message, code: error.code });
      }
      doneBytes += length;
      onProgress?.(doneBytes, totalBytes);
    }
  };
  await withTaskGroup(signal, async (group) => {
    await Promise.all(Array.from({ length: source.concurrency }, () => group.track(readOn(group.signal))));
  });
  return { stored, problems: [...chunks.keys()].flatMap((digest) => problems.get(digest) ?? []) };
}

/** For callers that have nothing to break off. */
const never: AbortSignal = new AbortController().signal;
