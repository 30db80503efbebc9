import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

import { decodeChunk } from '../decode/decode-chunk.ts';
import { freeBytes } from '../memory/free-bytes.ts';
import { slotPlaces, type Image, type Slot } from '../model/image.ts';
import type { ImageFacts } from '../model/records.ts';
import { DEFAULT_CHUNK_SIZE } from '../model/units.ts';
import type { ReaderSession } from '../pbs/client/reader-session.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import type { ExpectedImage } from '../target/target.ts';
import { indexFacts } from './index-facts.ts';

export interface LearnOptions {
  /** Of an encrypted image. */
  readonly crypt?: CryptConfig | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (what: string, doneBytes: number, totalBytes: number) => void;
}

/** What a whole image was found to be. */
export interface LearnedImage {
  readonly facts: Omit<ImageFacts, 'snapshot' | 'archive' | 'sha256'> & { readonly sha256: string };
  readonly expected: ExpectedImage & { readonly sha256: string };
}

/**
 * Reads an image once, one chunk after the other and with every check, to learn what its bytes are.
 * @throws IntegrityError when the data are damaged; what `fetch` throws
 */
export async function learnImage(
  image: Image,
  session: Pick<ReaderSession, 'fetch'>,
  { crypt, signal, onProgress }: LearnOptions,
): Promise<LearnedImage> {
  const imageHash = createHash('sha256');
  const slotChecksums = new Uint32Array(image.slotCount);
  const zeroes = new Uint8Array(DEFAULT_CHUNK_SIZE);
  const encodedBytes = new Map<string, number>();
  const learn = ({ index: position, offset, length }: Slot, plain: Uint8Array): void => {
    imageHash.update(plain);
    slotChecksums[position] = crc32(plain);
    onProgress('reading the image once to know its bytes', offset + length, image.size);
  };
  for (const slot of image.slots()) {
    if (slot.isZero) {
      learn(slot, slot.length <= zeroes.length ? zeroes.subarray(0, slot.length) : new Uint8Array(slot.length));
      continue;
    }
    const { bytes, encodedBytes: stored, memory } = await session.fetch(slot.digest, signal);
    try {
      const plain = decodeChunk(bytes, slot, crypt === undefined ? {} : { crypt });
      learn(slot, plain);
      freeBytes(plain);
    } finally {
      // Also of a damaged chunk: the trials of other images go on with the same memory.
      memory.giveBack();
    }
    encodedBytes.set(slot.digest, stored);
  }

  const sha256 = imageHash.digest('hex');
  return {
    facts: {
      ...indexFacts(image),
      storedBytes: [...encodedBytes.values()].reduce((sum, bytes) => sum + bytes, 0),
      sha256,
    },
    expected: { ...slotPlaces(image), slotChecksums, sha256 },
  };
}
