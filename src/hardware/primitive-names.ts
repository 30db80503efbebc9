/** In the order in which a restored byte meets them; the others after these. Names are part of the profile's format. */
export const primitiveNames = [
  'tls-receive-placed',
  'tls-receive',
  'http2-framing',
  'copy-received',
  'sha-256',
  'zstd-decompress-1',
  'zstd-decompress-2',
  'zstd-decompress-10',
  'chunk-verify',
  'file-write',
  'thread-round-trip',
  'event-loop-turn',
  'tls-send',
  'aes-256-gcm',
  'aes-128-gcm',
  'crc-32',
  'copy-chunk',
  'zstd-compress-1',
  'zstd-compress-2',
  'zstd-compress-10',
] as const;
export type PrimitiveName = (typeof primitiveNames)[number];
