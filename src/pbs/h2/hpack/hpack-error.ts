/**
 * A header block that breaks RFC 7541. The tables of both ends may differ from here on, so the connection ends with
 * COMPRESSION_ERROR (RFC 9113 4.3) and the decoder must not be used again.
 */
export class HpackError extends Error {
  override readonly name = 'HpackError';
}
