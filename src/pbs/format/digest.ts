import { hash } from 'node:crypto';

import { DEFAULT_CHUNK_SIZE } from '../../model/units.ts';

/** Bytes of a digest in an index. */
export const DIGEST_BYTES = 32;

/** Upper case is rejected wherever PBS takes a digest (spec 1.1). */
const digestPattern = /^[0-9a-f]{64}$/u;

/** Whether the text is a digest: 64 lower-case hex digits. */
export const isDigest = (text: string): boolean => digestPattern.test(text);

/** SHA-256 of a chunk's plain bytes, 64 lower-case hex digits. */
export const chunkDigest = (plain: Uint8Array): string => hash('sha256', plain, 'hex');

/** The one that nearly every index has (spec 6.2), so that reading an index hashes nothing. */
const zeroDigests: Map<number, string> = new Map([
  [DEFAULT_CHUNK_SIZE, 'bb9f8df61474d25e71fa00722318cd387396ca1736605e1248821cc0de3d3af8'],
]);

/** Digest of a full, unencrypted chunk of zeros; computed once per size. */
export function zeroChunkDigest(chunkSize: number): string {
  let digest = zeroDigests.get(chunkSize);
  if (digest === undefined) {
    digest = chunkDigest(new Uint8Array(chunkSize));
    zeroDigests.set(chunkSize, digest);
  }
  return digest;
}
