import { ByteRanges, type ByteRange } from '../journal/byte-ranges.ts';
import { slotPlaces, type Image } from '../model/image.ts';

/** The image without the slots that were restored already. */
export function remainingImage(image: Image, restored: Iterable<ByteRange>): Image {
  const isThere = new ByteRanges(restored);
  return {
    ...slotPlaces(image),
    slotCount: image.slotCount,
    *slots() {
      for (const slot of image.slots()) if (!isThere.covers(slot.offset, slot.length)) yield slot;
    },
  };
}
