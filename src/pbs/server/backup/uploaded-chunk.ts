import { crc32 } from 'node:zlib';

import { decodeBlob, parseBlob, rewriteBlobCrc, type BlobKind } from '../../format/blob.ts';
import { chunkDigest } from '../../format/digest.ts';
import { Refusal } from '../refusal.ts';

/**
 * Checks a chunk as far as a server without keys can, and corrects its CRC, whatever the client wrote there (spec 5.3).
 * @throws Refusal; IntegrityError for what is no blob
 */
export function checkUploadedChunk(encoded: Buffer, digest: string, size: number): BlobKind {
  const { kind } = parseBlob(encoded);
  if (kind === 'plain' || kind === 'zstd') {
    const plain = decodeBlob(encoded, { maxPlainBytes: size, verifyCrc: false });
    if (plain.length !== size) throw new Refusal(400, `got unexpected chunk size (${plain.length} != ${size})`);
    const found = chunkDigest(plain);
    if (found !== digest) throw new Refusal(400, `got unexpected chunk digest (${found} != ${digest})`);
  }
  rewriteBlobCrc(encoded);
  return kind;
}

/**
 * Checks a blob that is no chunk: its CRC has to be right (spec 5.7).
 * @throws Refusal; IntegrityError for what is no blob
 */
export function checkUploadedBlob(encoded: Buffer): void {
  const { crc, payload } = parseBlob(encoded);
  // Observed, ii.
  if (crc32(payload) !== crc) throw new Refusal(400, 'Data blob has wrong CRC checksum.');
}
