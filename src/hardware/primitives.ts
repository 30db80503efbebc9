import { chunkVerify } from './chunk-verify.ts';
import { aes128Gcm, aes256Gcm } from './ciphers.ts';
import { zstdCompress, zstdDecompress } from './compression.ts';
import { copyChunk, copyReceived } from './copies.ts';
import { crc, sha256 } from './digests.ts';
import { fileWrite } from './file-write.ts';
import { http2Framing } from './framing.ts';
import type { PrimitiveName } from './primitive-names.ts';
import type { Primitive } from './primitive.ts';
import { tlsReceive, tlsReceivePlaced, tlsSend } from './tls.ts';
import { eventLoopTurn, threadRoundTrip } from './turns.ts';

/** Adding one is a file, a line here and one in `primitiveNames`. */
export const primitives: Readonly<Record<PrimitiveName, Primitive>> = {
  'tls-receive-placed': tlsReceivePlaced,
  'tls-receive': tlsReceive,
  'http2-framing': http2Framing,
  'copy-received': copyReceived,
  'sha-256': sha256,
  'zstd-decompress-1': zstdDecompress(1),
  'zstd-decompress-2': zstdDecompress(2),
  'zstd-decompress-10': zstdDecompress(10),
  'chunk-verify': chunkVerify,
  'file-write': fileWrite,
  'thread-round-trip': threadRoundTrip,
  'event-loop-turn': eventLoopTurn,
  'tls-send': tlsSend,
  'aes-256-gcm': aes256Gcm,
  'aes-128-gcm': aes128Gcm,
  'crc-32': crc,
  'copy-chunk': copyChunk,
  'zstd-compress-1': zstdCompress(1),
  'zstd-compress-2': zstdCompress(2),
  'zstd-compress-10': zstdCompress(10),
};
