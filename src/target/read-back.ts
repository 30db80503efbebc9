import { ByteRanges } from '../journal/byte-ranges.ts';
import type { Image, Slot } from '../model/image.ts';
import type { RestoreMedium } from './restore-medium.ts';

export interface ReadBackOptions {
  readonly file: RestoreMedium['file'];
  readonly image: Image;
  /** What should be there. */
  readonly claimed: ByteRanges;
  /** Whether zeros of the image are looked for where nothing was claimed, as in a sparse file. */
  readonly expectsZeroes: boolean;
  /** Of plain bytes. */
  readonly digestOf: (plain: Uint8Array) => string;
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Which parts of the image are in a file: reads what should be there and compares it with the digests of the index.
 * What is not there, or is something else, is left out. Rejects with the signal's reason when aborted.
 */
export async function readBack(options: ReadBackOptions): Promise<ByteRanges> {
  const { image, onProgress, signal } = options;
  const found = new ByteRanges();
  let totalBytes = 0;
  for (const slot of image.slots()) if (isExpected(slot, options)) totalBytes += slot.length;
  let doneBytes = 0;
  const buffer = Buffer.alloc(image.chunkSize);
  for (const slot of image.slots()) {
    if (!isExpected(slot, options)) continue;
    signal.throwIfAborted();
    if (await holds(slot, buffer.subarray(0, slot.length), options)) found.add(slot.offset, slot.length);
    doneBytes += slot.length;
    onProgress(doneBytes, totalBytes);
  }
  return found;
}

const isExpected = ({ offset, length, isZero }: Slot, { claimed, expectsZeroes }: ReadBackOptions): boolean =>
  claimed.covers(offset, length) || (isZero && expectsZeroes);

async function holds(slot: Slot, bytes: Buffer, { file, digestOf }: ReadBackOptions): Promise<boolean> {
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, slot.offset + done);
    if (bytesRead === 0) return false;
    done += bytesRead;
  }
  return slot.isZero ? isAllZero(bytes) : digestOf(bytes) === slot.digest;
}

/** Each byte is the one before it, and the first is zero: one comparison of memory, without a second chunk of zeros. */
function isAllZero(bytes: Buffer): boolean {
  return bytes.length === 0 || (bytes[0] === 0 && bytes.compare(bytes, 1, bytes.length, 0, bytes.length - 1) === 0);
}
