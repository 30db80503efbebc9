/** One position of a fixed index: which bytes of the image, and the chunk that holds them. */
export interface Slot {
  readonly index: number;
  /** Bytes from the start of the image. */
  readonly offset: number;
  /** Plain bytes; only the last slot of an image may be shorter than the chunk size. */
  readonly length: number;
  /** SHA-256 of the plain bytes, 64 lower-case hex digits. */
  readonly digest: string;
  /** The digest is that of a full chunk of zeros, so nothing needs to be fetched (a short zero tail is data). */
  readonly isZero: boolean;
}

/** Where the slots of an image are. */
export interface SlotPlaces {
  /** Bytes. */
  readonly size: number;
  /** Bytes: of every slot but the last, or of the longest one. */
  readonly chunkSize: number;
  /** Where each slot begins, in order; absent where they follow one another at `chunkSize`. */
  readonly slotOffsets?: Float64Array;
}

/** An image as its fixed index describes it, or the stream of an archive as its dynamic index does. */
export interface Image extends SlotPlaces {
  readonly slotCount: number;
  /** All slots in index order; safe to iterate more than once. */
  slots(): Iterable<Slot>;
}

/** Nothing else of an image. */
export const slotPlaces = ({ size, chunkSize, slotOffsets }: SlotPlaces): SlotPlaces => ({
  size,
  chunkSize,
  ...(slotOffsets === undefined ? {} : { slotOffsets }),
});

/** Where a slot begins; the size of the image for the one behind the last. */
export function slotStart({ size, chunkSize, slotOffsets }: SlotPlaces, slot: number): number {
  return slotOffsets === undefined ? Math.min(slot * chunkSize, size) : (slotOffsets[slot] ?? size);
}

/** Bytes of a slot. */
export const slotLength = (places: SlotPlaces, slot: number): number =>
  slotStart(places, slot + 1) - slotStart(places, slot);

/** The slot that the byte at an offset belongs to. */
export function slotAt({ chunkSize, slotOffsets }: SlotPlaces, offset: number): number {
  if (slotOffsets === undefined) return Math.floor(offset / chunkSize);
  let low = 0;
  let high = slotOffsets.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((slotOffsets[middle] ?? Infinity) <= offset) low = middle;
    else high = middle;
  }
  return low;
}
