import type { Image, Slot } from '../model/image.ts';
import { median } from '../stats/quantile.ts';

/** What the index of an image tells of its chunks; shares are of all of them. */
export interface ImageStatistics {
  readonly sizeBytes: number;
  readonly chunkCount: number;
  readonly zeroShare: number;
  /** Not zero, and with the content of one that stands earlier. */
  readonly repeatedShare: number;
}

export function imageStatistics(image: Image): ImageStatistics {
  const seen = new Set<string>();
  let zeroes = 0;
  let repeated = 0;
  for (const { digest, isZero } of image.slots()) {
    if (isZero) zeroes += 1;
    else if (seen.has(digest)) repeated += 1;
    else seen.add(digest);
  }
  const { size, slotCount } = image;
  return {
    sizeBytes: size,
    chunkCount: slotCount,
    zeroShare: zeroes / slotCount,
    repeatedShare: repeated / slotCount,
  };
}

/** The first slot of every distinct chunk that is data and of full length, in index order: each costs the same work. */
export function distinctChunks(image: Image): Slot[] {
  const found = new Map<string, Slot>();
  for (const slot of image.slots()) {
    if (!slot.isZero && slot.length === image.chunkSize && !found.has(slot.digest)) found.set(slot.digest, slot);
  }
  return [...found.values()];
}

/** How the image came to be, from the indexes of the backups before it. */
export interface History {
  /** Backups that were looked at, the captured one included. */
  readonly backups: number;
  /** Share of the chunks that one backup changes, median; undefined for the first one. */
  readonly changeRate?: number;
  /** Digest to the backup in which it was first seen, 0 being the oldest. */
  readonly firstSeen: ReadonlyMap<string, number>;
}

/** @param backups of the same image, oldest first, the captured one last */
export function readHistory(backups: readonly Image[]): History {
  const firstSeen = new Map<string, number>();
  const changes: number[] = [];
  let previous: readonly string[] | undefined;
  for (const [index, image] of backups.entries()) {
    const digests = Array.from(image.slots(), ({ digest }) => digest);
    for (const digest of digests) if (!firstSeen.has(digest)) firstSeen.set(digest, index);
    if (previous !== undefined) {
      const before = previous;
      changes.push(digests.filter((digest, slot) => digest !== before[slot]).length / digests.length);
    }
    previous = digests;
  }
  const changeRate = median(changes);
  return { backups: backups.length, firstSeen, ...(changeRate === undefined ? {} : { changeRate }) };
}
