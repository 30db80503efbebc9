import { createHash } from 'node:crypto';

import { IntegrityError, UsageError } from '../model/errors.ts';
import type { Slot } from '../model/image.ts';
import { decodeBlob, verifyBlobCrc } from '../pbs/format/blob.ts';

/** What the plain bytes of a chunk must be. */
export type ExpectedChunk = Pick<Slot, 'digest' | 'length'>;

/**
 * A pause is offered once per so many bytes: 0.3 ms at the 1.7 GB/s of SHA-256 (AES-NI class machine), which is how
 * long a write may have to wait for the decode that is running in its thread.
 */
const PIECE_BYTES = 512 * 1024;

/**
 * Decompression, length and SHA-256 of one chunk. Returns the plain bytes; those of an uncompressed chunk share the
 * memory of `encoded`. The CRC-32 of the blob is computed only where something is wrong, to tell whether the blob itself
 * was damaged: bytes that have the right digest are the right bytes.
 * @param onPause called between pieces of the work, where the thread may do something else
 * @throws IntegrityError that names the digest: `blob-crc` for whatever is wrong behind a wrong CRC, else what it is;
 * `chunk-crypt-mode` for an encrypted chunk, since encrypted archives are refused before any chunk is fetched
 */
export function decodeChunk(encoded: Uint8Array, expected: ExpectedChunk, onPause?: () => void): Uint8Array {
  const { digest, length } = expected;
  try {
    const plain = ofChunk(digest, () => decodeBlob(encoded, { maxPlainBytes: length, verifyCrc: false }));
    onPause?.();
    checkPlain(plain, expected, onPause);
    return plain;
  } catch (error) {
    if (error instanceof IntegrityError) ofChunk(digest, () => verifyBlobCrc(encoded));
    throw error;
  }
}

function checkPlain(plain: Uint8Array, { digest, length }: ExpectedChunk, onPause?: () => void): void {
  if (plain.length !== length) {
    throw new IntegrityError(`chunk ${digest} holds ${plain.length} bytes, its place in the image ${length}`, {
      code: 'chunk-length',
      hint: 'the chunk is damaged in the datastore, or the index is: run a verify job on the server',
    });
  }
  const hash = createHash('sha256');
  for (let start = 0; start < length; start += PIECE_BYTES) {
    if (start > 0) onPause?.();
    hash.update(plain.subarray(start, start + PIECE_BYTES));
  }
  const seen = hash.digest('hex');
  if (seen !== digest) {
    throw new IntegrityError(`chunk ${digest} does not hold the bytes of its digest: their SHA-256 is ${seen}`, {
      code: 'chunk-digest',
      hint: 'the chunk is damaged in the datastore: run a verify job on the server',
    });
  }
}

/** A blob does not know which chunk it is: adds that to what is wrong with it. */
function ofChunk<Result>(digest: string, open: () => Result): Result {
  try {
    return open();
  } catch (error) {
    if (error instanceof UsageError && error.code === 'encrypted-not-supported') {
      throw new IntegrityError(`chunk ${digest} is encrypted, but its archive is not`, {
        code: 'chunk-crypt-mode',
        hint: 'the chunk is damaged in the datastore: run a verify job on the server',
        cause: error,
      });
    }
    if (!(error instanceof IntegrityError)) throw error;
    const { code, hint, message } = error;
    throw new IntegrityError(`chunk ${digest}: ${message}`, {
      code,
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}
