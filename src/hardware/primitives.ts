import { chunkVerify } from './chunk-verify.ts';
import { aes128Gcm, aes256Gcm } from './ciphers.ts';
import { zstdCompress, zstdDecompress } from './compression.ts';
import { copyChunk, copyReceived } from './copies.ts';
import { crc, sha256 } from './digests.ts';
import { fileWrite } from './file-write.ts';
import type { Primitive } from './primitive.ts';
import { tlsReceive, tlsSend } from './tls.ts';
import { eventLoopTurn, threadRoundTrip } from './turns.ts';

/** All of them, in the order in which a restored byte meets them; the others after these. */
export const primitives = [
  tlsReceive,
  copyReceived,
  sha256,
  zstdDecompress(1),
  zstdDecompress(2),
  zstdDecompress(10),
  chunkVerify,
  fileWrite,
  threadRoundTrip,
  eventLoopTurn,
  tlsSend,
  aes256Gcm,
  aes128Gcm,
  crc,
  copyChunk,
  zstdCompress(1),
  zstdCompress(2),
  zstdCompress(10),
] as const;

export type PrimitiveName = (typeof primitives)[number]['name'];

export const primitiveNames: readonly PrimitiveName[] = primitives.map(({ name }) => name);

export const primitiveNamed = (name: string): Primitive | undefined =>
  primitives.find((primitive) => primitive.name === name);
