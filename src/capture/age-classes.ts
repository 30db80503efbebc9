import { median } from '../stats/quantile.ts';
import { estimateFrom, type Estimate } from './estimate.ts';
import type { ChunkRead } from './read-chunks.ts';

/** Chunks that were first seen in backups of about the same time. */
export interface AgeClass {
  /** E.g. `first in backup 1 to 3 of 8`. */
  readonly name: string;
  /** From the request to the head of the answer. */
  readonly firstByteMs: Estimate;
}

const CLASSES = 3;
/** Fewer say nothing of a median. */
const MINIMUM_READS = 5;

/**
 * How long chunks took until their first byte, by the backup in which they were first seen: when a chunk was written is
 * not told to clients. Of a single backup by place in the image, where old and new chunks mostly lie apart.
 */
export function ageClasses(
  reads: readonly ChunkRead[],
  { firstSeen, backups, chunkCount }: AgeFacts,
): readonly AgeClass[] {
  const isKnown = backups > 1;
  const places = isKnown ? backups : chunkCount;
  const count = Math.min(CLASSES, places);
  const classes = Array.from({ length: count }, (_, number) => ({
    from: Math.floor((number * places) / count),
    until: Math.floor(((number + 1) * places) / count),
  }));
  return classes.flatMap(({ from, until }) => {
    const delays = reads.flatMap(({ slot, firstByteMs }) => {
      const place = isKnown ? (firstSeen.get(slot.digest) ?? backups - 1) : slot.index;
      return place >= from && place < until ? [firstByteMs] : [];
    });
    if (delays.length < MINIMUM_READS) return [];
    const firstByteMs = estimateFrom([delays], ([times = []]) => median(times) ?? 0);
    const range = until - from === 1 ? `${from + 1}` : `${from + 1} to ${until}`;
    return [{ name: `${isKnown ? 'first in backup' : 'at chunk'} ${range} of ${places}`, firstByteMs }];
  });
}

interface AgeFacts {
  /** Digest to the backup in which it was first seen, 0 being the oldest. */
  readonly firstSeen: ReadonlyMap<string, number>;
  readonly backups: number;
  readonly chunkCount: number;
}
