import type { ServerHttp2Stream } from 'node:http2';

import { BodyTooLong } from '../transport/body-too-long.ts';
import type { BodyDestination, ServerRequest } from '../transport/transport.ts';

/**
 * Reads the body of a request; see `ServerRequest.receiveBody`. The stream is left flowing, so that the rest of a body
 * that is refused goes nowhere.
 */
export async function receiveBody(
  stream: ServerHttp2Stream,
  signal: AbortSignal,
  choose: Parameters<ServerRequest['receiveBody']>[0],
): Promise<number> {
  let destination: BodyDestination | undefined;
  let length = 0;
  try {
    for await (const piece of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      destination ??= await choose();
      signal.throwIfAborted();
      if (!(destination instanceof Uint8Array)) destination(piece);
      else if (length + piece.length > destination.length) throw new BodyTooLong(destination.length);
      else destination.set(piece, length);
      length += piece.length;
    }
    // Node ends the body of a stream that was reset like a whole one.
    signal.throwIfAborted();
    return length;
  } finally {
    if (!stream.destroyed) stream.resume();
  }
}
