import type { Sampling } from '../model/environment.ts';
import type { Image, Slot } from '../model/image.ts';

/** Chunks that lie beside one another in a spread sample, so that a window meets about the locality of a whole restore. */
const RUN_CHUNKS = 16;
/** Fewer runs would be a matter of luck. */
const FEWEST_RUNS = 16;

/**
 * Part of an image as an image of its own: the chosen slots one behind the other, in index order. Strategies, targets and
 * proofs see nothing else.
 */
export class ImageSample implements Image {
  readonly size: number;
  readonly chunkSize: number;
  readonly slotCount: number;
  readonly slotOffsets?: Float64Array;
  readonly #slots: readonly Slot[];

  /** @param slots of the whole, in its order */
  constructor(slots: readonly Slot[], { chunkSize, slotOffsets }: Pick<Image, 'chunkSize' | 'slotOffsets'>) {
    let offset = 0;
    this.#slots = slots.map((slot, index) => {
      const moved = { ...slot, index, offset };
      offset += slot.length;
      return moved;
    });
    this.chunkSize = chunkSize;
    this.slotCount = slots.length;
    this.size = offset;
    // Only the last slot of an image may be short, and in its order it comes last here, too.
    if (slotOffsets !== undefined) this.slotOffsets = Float64Array.from(this.#slots, (slot) => slot.offset);
  }

  slots(): Iterable<Slot> {
    return this.#slots;
  }
}

/**
 * About so many bytes of an image: in runs of 16 chunks that are spread evenly over it, or in one piece, which is taken where
 * its share of zero chunks is nearest to that of the whole. The same image always gives the same sample; all of it where it
 * is not larger.
 */
export function sampleImage(image: Image, bytes: number, sampling: Sampling): Image {
  // Chunks of an archive of files differ in length: as many as make up so much on average.
  const meanBytes = image.slotOffsets === undefined ? image.chunkSize : image.size / image.slotCount;
  const wanted = Math.max(1, Math.round(bytes / meanBytes));
  if (wanted >= image.slotCount) return image;
  const slots = [...image.slots()];
  const chosen = sampling === 'spread' ? spread(slots, wanted) : contiguous(slots, wanted);
  return new ImageSample(chosen, image);
}

function spread(slots: readonly Slot[], wanted: number): readonly Slot[] {
  const runLength = Math.max(1, Math.min(RUN_CHUNKS, Math.floor(wanted / FEWEST_RUNS)));
  const runs = Math.ceil(wanted / runLength);
  // Each run stands in the middle of its equal part of the image, which is at least as long as a run.
  return Array.from({ length: runs }, (_, run) => {
    const length = Math.min(runLength, wanted - run * runLength);
    const middle = ((run + 0.5) * slots.length) / runs;
    const from = Math.min(slots.length - length, Math.max(0, Math.floor(middle - length / 2)));
    return slots.slice(from, from + length);
  }).flat();
}

function contiguous(slots: readonly Slot[], wanted: number): readonly Slot[] {
  const zeroes = slots.reduce((sum, { isZero }) => sum + Number(isZero), 0);
  const typical = (zeroes * wanted) / slots.length;
  let inside = slots.slice(0, wanted).reduce((sum, { isZero }) => sum + Number(isZero), 0);
  let best = 0;
  let bestDistance = Math.abs(inside - typical);
  for (let from = 1; from + wanted <= slots.length; from += 1) {
    inside += Number(slots[from + wanted - 1]?.isZero === true) - Number(slots[from - 1]?.isZero === true);
    const distance = Math.abs(inside - typical);
    if (distance < bestDistance) {
      best = from;
      bestDistance = distance;
    }
  }
  return slots.slice(best, best + wanted);
}
