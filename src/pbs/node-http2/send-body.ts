import { constants, type Http2Stream } from 'node:http2';

/**
 * Bytes handed to node:http2 at a time. Of a whole chunk it encrypts all that the windows allow before the first byte
 * is on its way, so that with 16 streams 64 MiB of ciphertext are allocated over and over. 4 MiB chunks, GB per
 * CPU-second of the server, 1 and 16 streams: whole 1.1-1.3 and 0.65-0.75; slices of 64 KiB 1.0 and 0.7-1.4, 256 KiB
 * 1.2-1.5 and 1.2-1.8, 1 MiB 1.4-1.6 with 16.
 */
const SLICE_BYTES = 256 * 1024;

/**
 * Writes the bytes without copying them and ends the stream. Resolves with true when all of them have gone into frames,
 * and with false when the stream has closed before that, which is the other end's right.
 *
 * A stream whose last frame is out is often closed before `finish` comes. node:http2 has then called us in the middle of
 * handing frames to the socket, and TLS encrypts them, that is copies them, before that call returns: the memory may
 * be used again after the event loop's turn, over TLS.
 */
export function sendBody(stream: Http2Stream, body: Uint8Array): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let sentBytes = 0;
  const sendSlice = (error?: Error | null): void => {
    if (error !== undefined && error !== null) return;
    const slice = body.subarray(sentBytes, sentBytes + SLICE_BYTES);
    sentBytes += slice.length;
    if (sentBytes < body.length) stream.write(slice, sendSlice);
    else stream.end(slice);
  };
  stream.once('finish', () => resolve(true));
  stream.once('close', () => resolve(stream.writableEnded && stream.rstCode === constants.NGHTTP2_NO_ERROR));
  sendSlice();
  return promise;
}
