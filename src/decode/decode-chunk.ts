import { createHash } from 'node:crypto';

import { IntegrityError } from '../model/errors.ts';
import type { Slot } from '../model/image.ts';
import { decodeBlob, parseBlob, verifyBlobCrc } from '../pbs/format/blob.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';

/**
 * How a chunk must be stored: without encryption; encrypted under the key that there is; encrypted under a key that there
 * is not, so that only its CRC-32 can be checked and its plain bytes are unknown. In the order of their numbers.
 */
export const encryptions = ['none', 'key', 'unknown-key'] as const;
export type Encryption = (typeof encryptions)[number];

/** What the plain bytes of a chunk must be. */
export interface ExpectedChunk extends Pick<Slot, 'digest' | 'length'> {
  /** `key` where there is a key, else `none`, unless given. */
  readonly encryption?: Encryption;
}

/**
 * A pause is offered once per so many bytes: 0.3 ms at the 1.7 GB/s of SHA-256 (AES-NI class machine), which is how
 * long a write may have to wait for the decode that is running in its thread.
 */
const PIECE_BYTES = 512 * 1024;

export interface DecodeChunkOptions {
  /** Of chunks that are encrypted: their digests are its own. */
  readonly crypt?: CryptConfig;
  /** Called between pieces of the work, where the thread may do something else. */
  readonly onPause?: () => void;
}

/**
 * Decryption, decompression, length and digest of one chunk. Returns the plain bytes; those of a chunk that is neither
 * compressed nor encrypted share the memory of `encoded`. The CRC-32 of the blob is computed only where something is
 * wrong, to tell whether the blob itself was damaged: bytes that have the right digest are the right bytes. Of a chunk
 * under an unknown key it is all that is checked, and there are no plain bytes.
 * @throws IntegrityError that names the digest: `blob-crc` for whatever is wrong behind a wrong CRC, else what it is;
 * `chunk-crypt-mode` for a chunk that is encrypted and its archive not, or the other way round
 */
export function decodeChunk(
  encoded: Uint8Array,
  expected: ExpectedChunk,
  { crypt, onPause }: DecodeChunkOptions = {},
): Uint8Array {
  const { digest, length, encryption = crypt === undefined ? 'none' : 'key' } = expected;
  const key = encryption === 'key' && crypt !== undefined ? { crypt } : {};
  try {
    ofChunk(digest, () => checkEncryption(encoded, encryption !== 'none'));
    if (encryption === 'unknown-key') {
      ofChunk(digest, () => verifyBlobCrc(encoded));
      return encoded.subarray(0, 0);
    }
    const plain = ofChunk(digest, () => decodeBlob(encoded, { maxPlainBytes: length, verifyCrc: false, ...key }));
    onPause?.();
    checkPlain(plain, expected, { ...key, ...(onPause === undefined ? {} : { onPause }) });
    return plain;
  } catch (error) {
    if (error instanceof IntegrityError) ofChunk(digest, () => verifyBlobCrc(encoded));
    throw error;
  }
}

/** As PBS's own readers do: else whoever can write the datastore could put a chunk of his own in the place of one. */
function checkEncryption(encoded: Uint8Array, isEncrypted: boolean): void {
  if ((parseBlob(encoded).cipher !== undefined) === isEncrypted) return;
  throw new IntegrityError(
    isEncrypted ? 'it is not encrypted, but its archive is' : 'it is encrypted, but its archive is not',
    { code: 'chunk-crypt-mode', hint: 'the chunk is damaged in the datastore: run a verify job on the server' },
  );
}

function checkPlain(
  plain: Uint8Array,
  { digest, length }: ExpectedChunk,
  { crypt, onPause }: DecodeChunkOptions,
): void {
  if (plain.length !== length) {
    throw new IntegrityError(`chunk ${digest} holds ${plain.length} bytes, its place in the image ${length}`, {
      code: 'chunk-length',
      hint: 'the chunk is damaged in the datastore, or the index is: run a verify job on the server',
    });
  }
  const sha256 = createHash('sha256');
  for (let start = 0; start < length; start += PIECE_BYTES) {
    if (start > 0) onPause?.();
    sha256.update(plain.subarray(start, start + PIECE_BYTES));
  }
  const seen = crypt === undefined ? sha256.digest('hex') : crypt.finishDigest(sha256);
  if (seen !== digest) {
    throw new IntegrityError(`chunk ${digest} does not hold the bytes of its digest: theirs is ${seen}`, {
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
    if (!(error instanceof IntegrityError)) throw error;
    const { code, hint, message } = error;
    throw new IntegrityError(`chunk ${digest}: ${message}`, {
      code,
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}
