import { hash } from 'node:crypto';

import { DEFAULT_CHUNK_SIZE } from '../../model/units.ts';
import type { CryptConfig } from './crypt-config.ts';

/** Bytes of a digest in an index. */
export const DIGEST_BYTES = 32;

/** Upper case is rejected wherever PBS takes a digest (spec 1.1). */
const digestPattern = /^[0-9a-f]{64}$/u;

/** Whether the text is a digest: 64 lower-case hex digits. */
export const isDigest = (text: string): boolean => digestPattern.test(text);

/** SHA-256 of a chunk's plain bytes, followed by what makes it the key's own where there is one; 64 lower-case hex digits. */
export const chunkDigest = (plain: Uint8Array, crypt?: CryptConfig): string =>
  crypt === undefined ? hash('sha256', plain, 'hex') : crypt.digest(plain);

/** The one that nearly every index has (spec 6.2), so that reading an index hashes nothing. */
const zeroDigests: Map<number, string> = new Map([
  [DEFAULT_CHUNK_SIZE, 'bb9f8df61474d25e71fa00722318cd387396ca1736605e1248821cc0de3d3af8'],
]);

/** Digest of a full chunk of zeros, encrypted where there is a key; computed once per size. */
export function zeroChunkDigest(chunkSize: number, crypt?: CryptConfig): string {
  if (crypt !== undefined) return crypt.zeroDigest(chunkSize);
  let digest = zeroDigests.get(chunkSize);
  if (digest === undefined) {
    digest = chunkDigest(new Uint8Array(chunkSize));
    zeroDigests.set(chunkSize, digest);
  }
  return digest;
}
