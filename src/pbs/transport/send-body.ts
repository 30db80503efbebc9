import type { Writable } from 'node:stream';

/**
 * Bytes handed to node:http2 at a time. Of a whole chunk it encrypts all that the windows allow before the first byte
 * is on its way, so that with 16 streams 64 MiB of ciphertext are allocated over and over. 4 MiB chunks, GB per
 * CPU-second of the server, 1 and 16 streams: whole 1.1-1.3 and 0.65-0.75; slices of 64 KiB 1.0 and 0.7-1.4, 256 KiB
 * 1.2-1.5 and 1.2-1.8, 1 MiB 1.4-1.6 with 16.
 */
const SLICE_BYTES = 256 * 1024;

/**
 * Writes the bytes without copying them and ends the stream; resolves when all are handed to the socket, or when the
 * stream has closed before that, which is the client's right.
 */
export function sendBody(stream: Writable, body: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let sentBytes = 0;
  const sendSlice = (error?: Error | null): void => {
    if (error !== undefined && error !== null) return;
    const slice = body.subarray(sentBytes, sentBytes + SLICE_BYTES);
    sentBytes += slice.length;
    if (sentBytes < body.length) stream.write(slice, sendSlice);
    else stream.end(slice);
  };
  stream.once('finish', resolve);
  stream.once('close', resolve);
  sendSlice();
  return promise;
}
