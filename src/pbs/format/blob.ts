import { crc32 } from 'node:zlib';

import { freeBytes } from '../../memory/free-bytes.ts';
import { IntegrityError, UsageError } from '../../model/errors.ts';
import { IV_BYTES, TAG_BYTES, type CryptConfig } from './crypt-config.ts';
import { formatOf, magicBytes } from './magic.ts';
import { compressZstd, decompressZstd } from './zstd.ts';

export type BlobKind = 'plain' | 'zstd' | 'encrypted' | 'zstd-encrypted';

/** Magic and CRC-32. */
export const BLOB_HEADER_BYTES = 12;

/** Magic, CRC-32, 16 bytes of IV, 16 bytes of GCM tag. */
export const ENCRYPTED_BLOB_HEADER_BYTES: number = BLOB_HEADER_BYTES + IV_BYTES + TAG_BYTES;

/** Most plain bytes that PBS puts into one blob (spec 12.1). */
export const MAX_BLOB_PLAIN_BYTES: number = 128 * 1024 * 1024;

/** The longest blob that can be: nothing above is read into memory. */
export const MAX_ENCODED_BLOB_BYTES: number = MAX_BLOB_PLAIN_BYTES + ENCRYPTED_BLOB_HEADER_BYTES;

/** The longest blob that a server takes from a client (spec 5.2), and hence that it hands out. */
export const MAX_UPLOADED_BLOB_BYTES: number = 16 * 1024 * 1024 + ENCRYPTED_BLOB_HEADER_BYTES;

const CRC_OFFSET = 8;
const IV_OFFSET = BLOB_HEADER_BYTES;
const TAG_OFFSET: number = IV_OFFSET + IV_BYTES;

/** A blob taken apart without copying. */
export interface ParsedBlob {
  readonly kind: BlobKind;
  /** What the header says of the payload's CRC-32. */
  readonly crc: number;
  /** Everything after the header; a view of the blob's own bytes. */
  readonly payload: Uint8Array;
  /** Of encrypted kinds: views of the blob's own bytes, 16 each. */
  readonly cipher?: { readonly iv: Uint8Array; readonly tag: Uint8Array };
}

/** A blob as the two pieces that are written one after the other. */
export interface BlobParts {
  readonly header: Uint8Array;
  /** The plain bytes themselves where they were not compressed. */
  readonly payload: Uint8Array;
}

export interface EncodeBlobOptions {
  /** Try zstd level 1 and keep it unless the result is longer than the input, as PBS does; default true. */
  readonly compress?: boolean;
  /** CRC-32 of the plain bytes where the caller knows it already; saves a pass over uncompressed ones. */
  readonly plainCrc?: number;
  /** Encrypts under this key, after compressing. */
  readonly crypt?: CryptConfig;
  /** 16 bytes for the encryption; random unless given. */
  readonly iv?: Uint8Array;
}

/** Encodes as {@link encodeBlob}, without joining header and payload. */
export function encodeBlobParts(
  plain: Uint8Array,
  { compress = true, plainCrc, crypt, iv }: EncodeBlobOptions = {},
): BlobParts {
  if (plain.length > MAX_BLOB_PLAIN_BYTES) {
    throw new UsageError(`${plain.length} bytes are too many for one blob: ${MAX_BLOB_PLAIN_BYTES} at most`, {
      code: 'blob-too-large',
    });
  }
  const compressed = compress ? compressZstd(plain) : undefined;
  const isSmaller = compressed !== undefined && compressed.length <= plain.length;
  const payload = isSmaller ? compressed : plain;
  if (crypt !== undefined) {
    const { ciphertext, ...cipher } = crypt.encrypt(payload, iv);
    const header = Buffer.alloc(ENCRYPTED_BLOB_HEADER_BYTES);
    magicBytes(isSmaller ? 'zstd-encrypted' : 'encrypted').copy(header);
    // IV and tag are not covered (spec 6.1).
    header.writeUInt32LE(crc32(ciphertext), CRC_OFFSET);
    header.set(cipher.iv, IV_OFFSET);
    header.set(cipher.tag, TAG_OFFSET);
    return { header, payload: ciphertext };
  }
  const header = Buffer.alloc(BLOB_HEADER_BYTES);
  magicBytes(isSmaller ? 'zstd' : 'plain').copy(header);
  header.writeUInt32LE(isSmaller ? crc32(payload) : (plainCrc ?? crc32(payload)), CRC_OFFSET);
  return { header, payload };
}

/**
 * A data blob of the plain bytes.
 * @throws UsageError `blob-too-large` above 128 MiB
 */
export function encodeBlob(plain: Uint8Array, options: EncodeBlobOptions = {}): Uint8Array {
  const { header, payload } = encodeBlobParts(plain, options);
  return Buffer.concat([header, payload]);
}

/**
 * Takes a blob apart. Neither the CRC nor the payload are looked at.
 * @throws IntegrityError `blob-truncated`, `blob-magic`
 */
export function parseBlob(encoded: Uint8Array): ParsedBlob {
  if (encoded.length < BLOB_HEADER_BYTES) throw truncated(encoded.length, BLOB_HEADER_BYTES);
  const kind = formatOf(encoded);
  const crc = new DataView(encoded.buffer, encoded.byteOffset, BLOB_HEADER_BYTES).getUint32(CRC_OFFSET, true);
  if (kind === 'plain' || kind === 'zstd') return { kind, crc, payload: encoded.subarray(BLOB_HEADER_BYTES) };
  if (kind === 'encrypted' || kind === 'zstd-encrypted') {
    if (encoded.length < ENCRYPTED_BLOB_HEADER_BYTES) throw truncated(encoded.length, ENCRYPTED_BLOB_HEADER_BYTES);
    return {
      kind,
      crc,
      payload: encoded.subarray(ENCRYPTED_BLOB_HEADER_BYTES),
      cipher: {
        iv: encoded.subarray(IV_OFFSET, TAG_OFFSET),
        tag: encoded.subarray(TAG_OFFSET, ENCRYPTED_BLOB_HEADER_BYTES),
      },
    };
  }
  throw new IntegrityError('not a data blob: its first 8 bytes are none that PBS writes', {
    code: 'blob-magic',
    hint: 'the data are damaged, or the file is something else',
  });
}

export interface DecodeBlobOptions {
  /** Bound on the result; what is above is an error, found before it is allocated. */
  readonly maxPlainBytes: number;
  /** Default true. A caller that checks the digest of the result needs the CRC only to tell faults apart. */
  readonly verifyCrc?: boolean;
  /** For encrypted blobs; others are decoded with and without. */
  readonly crypt?: CryptConfig;
}

/**
 * The plain bytes of a blob. Those of one that is neither compressed nor encrypted share the memory of `encoded`.
 * @throws IntegrityError `blob-truncated`, `blob-magic`, `blob-crc`, `blob-decrypt`, `blob-zstd`, `blob-too-large`;
 * UsageError `key-missing`
 */
export function decodeBlob(
  encoded: Uint8Array,
  { maxPlainBytes, verifyCrc = true, crypt }: DecodeBlobOptions,
): Uint8Array {
  const { kind, crc, payload, cipher } = parseBlob(encoded);
  if (verifyCrc) checkCrc(payload, crc);
  const isCompressed = kind === 'zstd' || kind === 'zstd-encrypted';
  // Whether it fits shows before it is decrypted: GCM adds no bytes.
  if (!isCompressed && payload.length > maxPlainBytes) {
    throw new IntegrityError(`the blob holds ${payload.length} bytes, more than the ${maxPlainBytes} expected`, {
      code: 'blob-too-large',
      hint: 'the data are damaged: run a verify job on the server',
    });
  }
  if (cipher === undefined) return isCompressed ? decompressZstd(payload, maxPlainBytes) : payload;
  if (crypt === undefined) {
    throw new UsageError('the blob is encrypted, and no key was given', {
      code: 'key-missing',
      hint: 'name the key file that the backup was made with (--keyfile, or keyFile in a scenario)',
    });
  }
  const decrypted = crypt.decrypt({ ...cipher, ciphertext: payload });
  if (!isCompressed) return decrypted;
  try {
    return decompressZstd(decrypted, maxPlainBytes);
  } finally {
    freeBytes(decrypted);
  }
}

/**
 * Puts the right CRC-32 into the header, in place.
 * @throws IntegrityError `blob-truncated`, `blob-magic`
 */
export function rewriteBlobCrc(encoded: Uint8Array): void {
  const { payload } = parseBlob(encoded);
  new DataView(encoded.buffer, encoded.byteOffset, BLOB_HEADER_BYTES).setUint32(CRC_OFFSET, crc32(payload), true);
}

/** @throws IntegrityError `blob-crc`, `blob-truncated`, `blob-magic` */
export function verifyBlobCrc(encoded: Uint8Array): void {
  const { crc, payload } = parseBlob(encoded);
  checkCrc(payload, crc);
}

function checkCrc(payload: Uint8Array, crc: number): void {
  if (crc32(payload) === crc) return;
  throw new IntegrityError('the CRC-32 of the blob is not the one in its header', {
    code: 'blob-crc',
    hint: 'the data are damaged: run a verify job on the server',
  });
}

const truncated = (bytes: number, needed: number): IntegrityError =>
  new IntegrityError(`the blob ends after ${bytes} bytes, its header alone has ${needed}`, {
    code: 'blob-truncated',
    hint: 'the data are damaged: run a verify job on the server',
  });
