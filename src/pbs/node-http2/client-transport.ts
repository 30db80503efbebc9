import {
  connect as connectHttp2,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';
import { Readable, type Duplex } from 'node:stream';

import { Permits } from '../../model/permits.ts';
import { errorName } from '../h2/http2-error.ts';
import type {
  BodyDestination,
  ClientConnection,
  ClientRequest,
  ClientResponse,
  ClientTransport,
  Http2Settings,
  RequestHooks,
  ResponseHead,
  WindowUsage,
} from '../transport/transport.ts';
import { connectionLost, responseTooLong, responseTruncated, streamReset } from '../transport/transport-errors.ts';
import { sendBody } from './send-body.ts';
import { SocketPause } from './socket-pause.ts';

/** What every real client sends as `:authority` (spec 3.4); servers do not look at it. */
const AUTHORITY = 'localhost:8007';

/** Node counts what is queued against this, and refuses with ENHANCE_YOUR_CALM above its default of 10 MB. */
const MAX_SESSION_MEGABYTES = 1024;

/** HTTP/2 by `node:http2`, with one copy per byte into the destination. */
export const nodeHttp2ClientTransport: ClientTransport = {
  name: 'node:http2',
  connect: (socket, { head, settings }) => new NodeHttp2Connection(socket, head, settings),
};

class NodeHttp2Connection implements ClientConnection {
  readonly closed: Promise<Error | undefined>;
  readonly #session: ClientHttp2Session;
  readonly #reading: SocketPause;
  readonly #streams: Permits = new Permits(Number.POSITIVE_INFINITY);
  /** Aborted when the connection ends: nobody waits for a stream any more. */
  readonly #ended: AbortController = new AbortController();
  /** Why the connection is lost: the first error. */
  #cause: Error | undefined;
  /** How it ended where there was no error. */
  #ending: string | undefined;

  constructor(socket: Duplex, head: Uint8Array | undefined, settings: Http2Settings) {
    if (head !== undefined && head.length > 0) socket.unshift(head);
    this.#reading = new SocketPause(socket);
    const { initialWindowSize, maxFrameSize, connectionWindowSize } = settings;
    const session = connectHttp2(`https://${AUTHORITY}`, {
      createConnection: () => socket,
      maxSessionMemory: MAX_SESSION_MEGABYTES,
      settings: { initialWindowSize, maxFrameSize },
    });
    this.#session = session;
    // Only `settings` would leave the connection at 64 KiB: 4-6 MB/s at 10 ms whatever the concurrency.
    session.once('connect', () => {
      if (!session.destroyed) session.setLocalWindowSize(connectionWindowSize);
    });
    session.on('error', (error) => {
      this.#cause ??= error;
    });
    session.on('goaway', (code) => {
      if (code === constants.NGHTTP2_NO_ERROR)
        this.#ending ??= 'the server ended the session (GOAWAY without an error)';
      else this.#cause ??= new Error(`the server ended the session with HTTP/2 error ${errorName(code)}`);
    });
    // nghttp2 would hold requests back as well, but nobody could tell when they are sent.
    session.on('remoteSettings', ({ maxConcurrentStreams = Number.POSITIVE_INFINITY }) =>
      this.#streams.setLimit(maxConcurrentStreams),
    );
    // Only where nothing else is known: a FIN or a reset without a word before it.
    socket.once('end', () => (this.#ending ??= 'the server ended the connection (end of the stream, no GOAWAY)'));
    socket.once('close', () => (this.#ending ??= 'the socket was closed, with neither an error nor an end'));
    let isOurs = false;
    this.close = () => {
      isOurs = true;
      this.#ending ??= 'it was closed on this side';
      session.destroy();
      socket.destroy();
    };
    this.closed = new Promise((resolve) => {
      session.once('close', () => {
        this.#ended.abort(this.#lost());
        resolve(isOurs ? undefined : this.#lost());
      });
    });
  }

  readonly close: () => void;

  get localWindow(): WindowUsage {
    const { effectiveLocalWindowSize = 0, effectiveRecvDataLength = 0 } = this.#session.state;
    return { sizeBytes: effectiveLocalWindowSize, unacknowledgedBytes: effectiveRecvDataLength };
  }

  async ping(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const answered = (error: Error | null): void => (error === null ? resolve() : reject(this.#lost()));
      // Throws where the session is over, and returns false where too many wait for their answers.
      if (this.#session.destroyed || !this.#session.ping(answered)) reject(this.#lost());
    });
  }

  async request({
    method = 'GET',
    path,
    headers,
    body,
    signal,
    receive,
    hooks,
  }: ClientRequest): Promise<ClientResponse> {
    signal.throwIfAborted();
    await this.#streams.take(AbortSignal.any([signal, this.#ended.signal]));
    if (signal.aborted || this.#session.destroyed || this.#session.closed) {
      this.#streams.give();
      signal.throwIfAborted();
      throw this.#lost();
    }
    const { promise, resolve, reject } = Promise.withResolvers<ClientResponse>();
    const stream = this.#session.request(
      // In the order of real clients (observed.md).
      { ':method': method, ':scheme': 'https', ':authority': AUTHORITY, ':path': path, ...headers },
      { endStream: body === undefined },
    );
    if (body !== undefined) this.#send(stream, body, hooks);
    let response: ResponseHead | undefined;
    let destination: BodyDestination | undefined;
    let bodyBytes = 0;
    /**
     * What came before the destination was known. node:http2 emits `response` on the next tick, and the ticks of
     * everything that it handles in one call wait for its end, as after a write that was under way held back what had
     * been received; and memory may not be free yet.
     */
    let early: Uint8Array[] | undefined = [];
    let earlyBytes = 0;
    /** Settled when the destination is known, where that was waited for. */
    let waiting: Promise<void> | undefined;
    let goOn: (() => void) | undefined;

    /** Rejects and resets the stream; the destination is let go of, since late data may still be queued. */
    const fail = (error: Error): void => {
      destination = undefined;
      early = undefined;
      goOn?.();
      reject(error);
      stream.close(constants.NGHTTP2_CANCEL);
    };
    const guard = (step: () => void): void => {
      try {
        step();
      } catch (error) {
        fail(error as Error);
      }
    };
    const abort = (): void => fail(signal.reason as Error);

    if (stream.pending) stream.once('ready', () => hooks?.requestSent?.());
    else hooks?.requestSent?.();
    signal.addEventListener('abort', abort, { once: true });
    stream.once('response', (fields) =>
      guard(() => {
        // Node may have had the headers already when the request was aborted: nobody would take the destination back.
        if (early === undefined) return;
        response = responseHead(fields);
        hooks?.firstByte?.();
        const received = receive(response);
        if (!(received instanceof Promise)) {
          begin(received, response);
          return;
        }
        goOn = this.#reading.hold();
        const head = response;
        waiting = received.then((given) => guard(() => begin(given, head)), fail).finally(goOn);
      }),
    );
    const begin = (given: BodyDestination, { contentLength = 0 }: ResponseHead): void => {
      if (early === undefined) return;
      if (given instanceof Uint8Array && contentLength > given.length) throw responseTooLong(path, given.length);
      destination = given;
      const pieces = early;
      early = undefined;
      for (const piece of pieces) take(piece);
    };
    const take = (piece: Uint8Array): void =>
      guard(() => {
        if (early !== undefined) {
          early.push(piece);
          earlyBytes += piece.length;
          this.#reading.noteArrival();
        }
        if (destination === undefined) return;
        if (destination instanceof Uint8Array) {
          if (bodyBytes + piece.length > destination.length) throw responseTooLong(path, destination.length);
          destination.set(piece, bodyBytes);
        } else {
          destination(piece);
        }
        bodyBytes += piece.length;
      });
    takeDirectly(stream, take);
    let isDone = false;
    /** Resolves if the body is whole; does nothing the second time. */
    const finish = (): void => {
      if (isDone || destination === undefined || response === undefined) return;
      const { contentLength } = response;
      // Whether a body of unknown length is whole only its end can tell. Of a known one the bytes do, whatever became of
      // stream and connection, unless it was longer (RFC 9113 section 8.1.1).
      const isWhole =
        contentLength === undefined
          ? isEnded
          : bodyBytes === contentLength && stream.rstCode !== constants.NGHTTP2_PROTOCOL_ERROR;
      if (!isWhole) return;
      isDone = true;
      hooks?.lastByte?.();
      resolve({ ...response, bodyBytes });
      // Answered before it had everything: the server wants no more of it. A turn later, since of a body that has just
      // left the news may still be on its way.
      if (body !== undefined)
        setImmediate(() => {
          if (!stream.writableFinished && !stream.destroyed) stream.close(constants.NGHTTP2_CANCEL);
        });
    };
    // Node ends the body like a whole one when the connection is lost, but destroys the stream before that; `close`
    // follows and tells.
    let isEnded = false;
    stream.once('end', () => {
      isEnded = !stream.destroyed && stream.rstCode === constants.NGHTTP2_NO_ERROR;
      finish();
    });
    let streamError: Error | undefined;
    stream.once('error', (error) => {
      streamError = error;
    });
    const close = (): void => {
      signal.removeEventListener('abort', abort);
      finish();
      if (isDone) return;
      // No effect on a request that has settled. A turn later, since the socket's end, which tells why, comes after that
      // of its streams.
      setImmediate(() => fail(this.#unanswered(stream, path, bodyBytes, response, streamError)));
    };
    stream.once('close', () => {
      this.#streams.give();
      const { contentLength } = response ?? {};
      const isHeldWhole = contentLength === undefined ? isEnded : earlyBytes === contentLength;
      // When the connection ends, nobody may be left who frees memory for it.
      if (waiting !== undefined && early !== undefined && isHeldWhole)
        void Promise.race([waiting, this.closed]).then(close);
      else close();
    });
    return await promise;
  }

  #send(stream: ClientHttp2Stream, body: Uint8Array, hooks: RequestHooks | undefined): void {
    void sendBody(stream, body).then((isSent) => {
      // See sendBody; a plain socket keeps what it could not write yet.
      if (isSent && this.#session.encrypted === true) setImmediate(() => hooks?.bodySent?.());
    });
  }

  #unanswered(
    stream: ClientHttp2Stream,
    path: string,
    bodyBytes: number,
    response: ResponseHead | undefined,
    cause: Error | undefined,
  ): Error {
    // A stream that ends too early without an error is one whose connection is lost.
    if (this.#session.destroyed || this.#session.closed || stream.rstCode === constants.NGHTTP2_NO_ERROR) {
      this.#cause ??= cause;
      return this.#lost();
    }
    const { contentLength } = response ?? {};
    // nghttp2 compares body and content-length itself, and tells of a difference only with this code.
    if (stream.rstCode === constants.NGHTTP2_PROTOCOL_ERROR && contentLength !== undefined) {
      return responseTruncated(path, contentLength, bodyBytes, cause);
    }
    return streamReset(path, errorName(stream.rstCode), cause);
  }

  #lost(): Error {
    const reason =
      this.#cause?.message ?? this.#ending ?? 'a stream ended before its body, with neither an error nor a GOAWAY';
    return connectionLost(reason, this.#cause);
  }
}

/**
 * Gives each piece to `take` as the session pushes it into the stream, past the queue and the events of a Readable:
 * 1.06 instead of 0.98 GB per CPU-second. There is no backpressure to lose, since every piece is copied at once.
 */
function takeDirectly(stream: ClientHttp2Stream, take: (piece: Uint8Array) => void): void {
  stream.push = (piece: Uint8Array | null): boolean => {
    if (piece === null) return Readable.prototype.push.call(stream, null);
    take(piece);
    return true;
  };
  stream.on('data', take);
}

function responseHead({
  ':status': status = 0,
  ...fields
}: IncomingHttpHeaders & IncomingHttpStatusHeader): ResponseHead {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  const declared = headers['content-length'];
  return { status, headers, ...(declared === undefined ? {} : { contentLength: Number(declared) }) };
}
