import { KnownError } from '../../model/errors.ts';
import type { ArchiveIndex } from '../format/archive-index.ts';

/** The chunks that one backup of the group was the first to hold. */
export interface ChunkAge {
  /** `vm/100/2026-02-13T16:27:41Z` */
  readonly snapshot: string;
  /** Distinct chunks. */
  readonly chunks: number;
  /** Their encoded bytes. */
  readonly bytes: number;
}

export interface ChunkAges {
  /** Oldest first; snapshots that were the first to hold none are left out. */
  readonly ages: readonly ChunkAge[];
  /** Snapshots that could not be looked at, and why. */
  readonly skipped: readonly { readonly snapshot: string; readonly reason: string }[];
}

/** What of a datastore is needed to tell ages. */
export interface AgeSource {
  /** The group of a snapshot, oldest first. */
  listGroupOf(
    snapshot: string,
  ): Promise<{ readonly snapshots: readonly { readonly name: string; readonly files: readonly string[] }[] }>;
  readIndex(snapshot: string, archive: string, options: object): Promise<ArchiveIndex>;
}

/**
 * From which backup each chunk is: the oldest snapshot of the group whose index of the same name holds its digest.
 * Snapshots that were pruned are not known, so a chunk may be older than it seems.
 * @param chunks encoded bytes by digest
 */
export async function chunkAges(
  source: AgeSource,
  snapshot: string,
  archive: string,
  chunks: ReadonlyMap<string, number>,
): Promise<ChunkAges> {
  const ages: ChunkAge[] = [];
  const skipped: { snapshot: string; reason: string }[] = [];
  const undated = new Set(chunks.keys());
  let group: Awaited<ReturnType<AgeSource['listGroupOf']>>;
  try {
    group = await source.listGroupOf(snapshot);
  } catch (error) {
    // Whoever may read a snapshot may not be allowed to list its group.
    if (!(error instanceof KnownError)) throw error;
    return { ages, skipped: [{ snapshot, reason: error.message }] };
  }
  for (const candidate of group.snapshots) {
    if (undated.size === 0) break;
    if (!candidate.files.includes(archive)) continue;
    let held = 0;
    let bytes = 0;
    try {
      for (const { digest } of (await source.readIndex(candidate.name, archive, {})).slots()) {
        if (!undated.delete(digest)) continue;
        held += 1;
        bytes += chunks.get(digest) ?? 0;
      }
    } catch (error) {
      if (!(error instanceof KnownError)) throw error;
      skipped.push({ snapshot: candidate.name, reason: error.message });
    }
    if (held > 0) ages.push({ snapshot: candidate.name, chunks: held, bytes });
    if (candidate.name === snapshot) break;
  }
  return { ages, skipped };
}
