import type { Image } from '../model/image.ts';
import type { RecordedImage } from '../model/records.ts';

/** What of an image its index alone tells. */
export function indexFacts(image: Image): Omit<RecordedImage, 'snapshot' | 'archive'> {
  const seen = new Set<string>();
  let zeroChunkCount = 0;
  let dataBytes = 0;
  let uniqueBytes = 0;
  for (const { digest, length, isZero } of image.slots()) {
    if (isZero) {
      zeroChunkCount += 1;
      continue;
    }
    dataBytes += length;
    if (!seen.has(digest)) uniqueBytes += length;
    seen.add(digest);
  }
  return {
    sizeBytes: image.size,
    chunkSizeBytes: image.chunkSize,
    chunkCount: image.slotCount,
    zeroChunkCount,
    uniqueChunkCount: seen.size,
    dataBytes,
    uniqueBytes,
  };
}
