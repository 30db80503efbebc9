import { ByteRanges } from '../journal/byte-ranges.ts';
import type { RestoreJournal } from '../journal/restore-journal.ts';
import { asMachineError } from '../model/errors.ts';
import type { Image } from '../model/image.ts';
import { JournaledTarget } from '../target/journaled-target.ts';
import { readBack } from '../target/read-back.ts';
import type { RestoreMedium } from '../target/restore-medium.ts';
import { remainingImage } from './remaining-image.ts';
import type { RestoredBytes } from './restore-counter.ts';
import { transferArchive, type TransferOptions } from './transfer-archive.ts';

export interface RestoreToMediumOptions extends Omit<TransferOptions, 'decoder' | 'target'> {
  readonly medium: RestoreMedium;
  readonly journal: RestoreJournal;
  /** Digest of plain bytes, as the index of the archive has them. */
  readonly digestOf: (plain: Uint8Array) => string;
  /** Called while what an earlier restore has left is read back. */
  readonly onReadBack: (doneBytes: number, totalBytes: number) => void;
  /** Called before the first chunk is asked for. */
  readonly onStart: (extent: RemainingRestore) => void;
}

export interface RemainingRestore {
  /** What is to be restored. */
  readonly remaining: Image;
  /** What is there. */
  readonly thereBytes: number;
  /** What was claimed to be there but is not. */
  readonly lostBytes: number;
}

/**
 * Restores to a file or device, going on where an earlier restore was broken off: what its journal claims is read back
 * and compared with the index, and fetched again where it is something else. When it rejects, what was restored stays
 * there and is noted.
 */
export async function restoreToMedium(options: RestoreToMediumOptions): Promise<RestoredBytes> {
  const { medium, journal, image, sources, pool, signal, onStart } = options;
  const restored = await findRestored(options);
  const claimed = journal.claimed ?? new ByteRanges();
  const remaining = remainingImage(image, restored);
  onStart({ remaining, thereBytes: restored.bytes, lostBytes: bytesOutside(claimed, restored) });
  await using target = new JournaledTarget({ medium, journal, image: remaining, restored, signal });
  return await transferArchive({
    ...options,
    image: remaining,
    sources: sources.map((source) => target.watchSource(source)),
    decoder: target.boundDecoder(pool),
    target,
  });
}

async function findRestored({
  medium,
  journal,
  image,
  digestOf,
  onReadBack,
  signal,
}: RestoreToMediumOptions): Promise<ByteRanges> {
  const { claimed } = journal;
  if (medium.isNew || (claimed === undefined && !medium.isSparse)) return new ByteRanges();
  try {
    return await readBack({
      file: medium.file,
      image,
      claimed: claimed ?? new ByteRanges(),
      expectsZeroes: medium.isSparse,
      digestOf,
      onProgress: onReadBack,
      signal,
    });
  } catch (error) {
    throw asMachineError(error, `reading back ${medium.path}`);
  }
}

/** How many bytes of one set are not in the other. */
function bytesOutside(ranges: ByteRanges, others: ByteRanges): number {
  const both = new ByteRanges([...ranges, ...others]);
  return both.bytes - others.bytes;
}
