import {
  constants,
  performServerHandshake,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { Readable, type Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { Permits } from '../../model/permits.ts';
import { receiveBody } from './receive-body.ts';
import { sendBody } from './send-body.ts';
import type {
  HeaderFields,
  Http2Settings,
  ServerConnection,
  ServerHandler,
  ServerTransport,
} from '../transport/transport.ts';

/**
 * Node counts the bodies that wait to be sent against this and refuses streams with ENHANCE_YOUR_CALM above its default
 * of 10 MB (spec section 14): 200 streams with the largest chunk that PBS knows, 16 MiB, fit below it.
 */
const MAX_SESSION_MEGABYTES = 4096;

/**
 * Bodies that are on their way at the same time in one connection, so that chunks follow one another as they do from a
 * real server, which sends frames of up to 4 MiB: node:http2 lets its streams take turns every 16 KiB, and over a slow
 * link all chunks asked for at once would arrive together at the end. Two, because the next one should be at hand
 * when one ends. It is also cheaper: 16 streams of 4 MiB, GB per CPU-second of the server: 1.2-1.3 all at once, 1.4-1.8
 * two at a time.
 */
const BODIES_AT_ONCE = 2;

/** The serving end by `node:http2`. It cannot send DATA frames above 16 KiB, whatever the client would take. */
export const nodeHttp2ServerTransport: ServerTransport = {
  name: 'node:http2',
  accept(socket, handler, { head, settings }) {
    if (head !== undefined && head.length > 0) socket.unshift(head);
    return serve(socket, handler, settings);
  },
};

function serve(socket: Duplex, handler: ServerHandler, settings: Http2Settings): ServerConnection {
  const { connectionWindowSize, maxConcurrentStreams, initialWindowSize, maxFrameSize, maxHeaderListSize } = settings;
  const session = performServerHandshake(socket, {
    maxSessionMemory: MAX_SESSION_MEGABYTES,
    settings: {
      initialWindowSize,
      maxFrameSize,
      ...(maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams }),
      ...(maxHeaderListSize === undefined ? {} : { maxHeaderListSize }),
    },
  });
  session.setLocalWindowSize(connectionWindowSize);
  const turns = new Permits(BODIES_AT_ONCE);
  // A client may end in any way; what there is to do is done at `close`.
  session.on('error', () => {});
  session.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    answer(session, stream, headers, handler, turns).catch(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
  });
  const closed = new Promise<void>((resolve) => {
    session.once('close', () => {
      socket.destroy();
      resolve();
    });
  });
  return {
    closed,
    close: () => {
      session.destroy();
      socket.destroy();
    },
    shutdown: async () => {
      session.close();
      await closed;
    },
  };
}

async function answer(
  session: ServerHttp2Session,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  handler: ServerHandler,
  turns: Permits,
): Promise<void> {
  const gone = new AbortController();
  stream.once('close', () => gone.abort());
  const target = headers[':path'] ?? '/';
  const mark = target.indexOf('?');
  let isTaken = false;
  const answering = handler({
    method: headers[':method'] ?? '',
    path: mark === -1 ? target : target.slice(0, mark),
    query: mark === -1 ? '' : target.slice(mark + 1),
    headers: plainFields(headers),
    signal: gone.signal,
    receiveBody: async (destination) => {
      if (isTaken || stream.readableFlowing === true) throw new Error('the body of the request is gone');
      isTaken = true;
      return await receiveBody(stream, gone.signal, destination);
    },
  });
  if (!isTaken) stream.resume();
  const { status, headers: fields, body, sent } = await answering;
  if (!(body instanceof Uint8Array)) {
    if (isGone(stream)) {
      // A file stream; the iterator of one that was never read would not end it.
      if (body instanceof Readable) body.destroy();
      else await body[Symbol.asyncIterator]().return?.();
      return;
    }
    stream.respond({ ':status': status, ...fields });
    // Rejects where the client goes away, which is of no interest once the iterable has been ended.
    await pipeline(body, stream).catch(() => {});
    return;
  }
  // A stream whose own window is too small for its body would keep the turn for as long as its client likes.
  const fits = body.length <= (session.destroyed ? 0 : (session.remoteSettings.initialWindowSize ?? 0));
  if (fits) await turns.take();
  try {
    if (isGone(stream)) return;
    const isEmpty = body.length === 0;
    stream.respond({ ':status': status, ...fields }, { endStream: isEmpty });
    const isSent = isEmpty || (await sendBody(stream, body));
    // See sendBody; a plain socket keeps what it could not write yet.
    if (isSent && session.encrypted === true) setImmediate(() => sent?.());
  } finally {
    if (fits) turns.give();
  }
}

const isGone = (stream: ServerHttp2Stream): boolean => stream.destroyed || stream.closed;

function plainFields(headers: IncomingHttpHeaders): HeaderFields {
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !name.startsWith(':')) fields[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return fields;
}
