import { IntegrityError } from '../../model/errors.ts';
import { decodeBlob, parseBlob, verifyBlobCrc } from '../format/blob.ts';
import type { CryptConfig } from '../format/crypt-config.ts';
import { chunkDigest } from '../format/digest.ts';

export interface ExpectedChunk {
  readonly digest: string;
  /** Plain bytes. */
  readonly length: number;
  /** Of its archive. */
  readonly isEncrypted: boolean;
}

/**
 * Checks a whole chunk as PBS's verify does: CRC-32 and mode of encryption, and behind them length and digest, which need
 * the key where it is encrypted.
 * @throws IntegrityError `blob-truncated`, `blob-magic`, `blob-crc`, `chunk-crypt-mode`, `chunk-length`, `chunk-digest` and
 * those of `decodeBlob`, none of which names the chunk
 */
export function checkChunk(
  encoded: Uint8Array,
  { digest, length, isEncrypted }: ExpectedChunk,
  crypt?: CryptConfig,
): void {
  verifyBlobCrc(encoded);
  checkChunkMode(encoded, isEncrypted);
  if (isEncrypted && crypt === undefined) return;
  const key = isEncrypted ? crypt : undefined;
  const plain = decodeBlob(encoded, {
    maxPlainBytes: length,
    verifyCrc: false,
    ...(key === undefined ? {} : { crypt: key }),
  });
  if (plain.length !== length) {
    throw new IntegrityError(`it holds ${plain.length} bytes, its place in the archive ${length}`, {
      code: 'chunk-length',
    });
  }
  if (chunkDigest(plain, key) !== digest) {
    throw new IntegrityError('its bytes are not those of its digest', { code: 'chunk-digest' });
  }
}

/** @throws IntegrityError `chunk-crypt-mode`, `blob-truncated`, `blob-magic` */
export function checkChunkMode(encoded: Uint8Array, isEncrypted: boolean): void {
  if ((parseBlob(encoded).cipher !== undefined) === isEncrypted) return;
  throw new IntegrityError(
    `the chunk is ${isEncrypted ? 'not ' : ''}encrypted, its archive is${isEncrypted ? '' : ' not'}`,
    {
      code: 'chunk-crypt-mode',
    },
  );
}
