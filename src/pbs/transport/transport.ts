import type { OnReadOpts } from 'node:net';
import type { Duplex } from 'node:stream';

/** Header fields of a request or response without the pseudo fields; names in lower case. */
export type HeaderFields = Readonly<Record<string, string>>;

/** What an HTTP/2 end announces of itself, RFC 9113 sections 6.5.2 and 6.9. All in bytes but the stream count. */
export interface Http2Settings {
  /** Receive window of each stream. */
  readonly initialWindowSize: number;
  /** Receive window of the whole connection. */
  readonly connectionWindowSize: number;
  /** Largest payload of a frame that this end is ready to receive. */
  readonly maxFrameSize: number;
  /**
   * 0..1: how much of a window must have been consumed before it is given back with WINDOW_UPDATE; the transport's own
   * choice where absent. `node:http2` cannot be told.
   */
  readonly updateThreshold?: number;
  /** Streams that the other end may have open; announced by servers. */
  readonly maxConcurrentStreams?: number;
  readonly maxHeaderListSize?: number;
}

export interface ServerRequest {
  /** As sent, e.g. `GET`. */
  readonly method: string;
  /** The path before the `?`, not decoded. */
  readonly path: string;
  /** What follows the first `?`, not decoded; empty without one. */
  readonly query: string;
  readonly headers: HeaderFields;
  /** Aborted when the client has reset the stream or the connection has ended; nobody waits for a response then. */
  readonly signal: AbortSignal;
  /**
   * Takes the body, which is discarded otherwise: to be called before the handler first waits for anything, and once.
   * `destination` is called when the body begins, never for an empty one, and may promise what it gives: as for
   * {@link ClientRequest.receive} nothing of the connection is read meanwhile, so that what it waits for must not need
   * any bytes of it (`node:http2` holds only the one stream back).
   *
   * Resolves with the length when the client has ended the body. Rejects with a `BodyTooLong` as soon as there is
   * more than the destination's memory holds, with what `destination` has thrown, and with the reason of `signal`; in the
   * first two cases the rest is discarded and the request can be answered. Once it has settled, the destination is never
   * written to again.
   */
  readonly receiveBody: (destination: () => BodyDestination | Promise<BodyDestination>) => Promise<number>;
}

/**
 * Bytes of known length are sent as they are and must not change until `sent` is called: a frame that has begun is sent
 * to its end, also of a stream that was reset. The same memory may be the body of several responses at once, so that
 * nobody writes to it. An iterable (a file
 * stream, for instance) is read at the pace of the client; its `return` is called when the client goes away.
 */
export type ServerBody = Uint8Array | AsyncIterable<Uint8Array>;

export interface ServerResponse {
  readonly status: number;
  /** Sent as given and in this order; a transport adds at most a `date` where there is none. */
  readonly headers: HeaderFields;
  readonly body: ServerBody;
  /**
   * Called at most once, when nothing reads the memory of a body of known length any more: it was sent whole, or its
   * stream is over. Never called where a transport cannot tell, as `node:http2` after a reset: the memory is then left to
   * the garbage collector.
   */
  readonly sent?: () => void;
}

/** Must not reject; a rejection resets the stream with INTERNAL_ERROR. */
export type ServerHandler = (request: ServerRequest) => Promise<ServerResponse>;

/** The serving end of one HTTP/2 connection. */
export interface ServerConnection {
  /** Resolves when the connection has ended, in order only when everything sent has left; never rejects. */
  readonly closed: Promise<void>;
  /** Ends the connection at once, open streams included. */
  close(): void;
  /** Takes no more requests, and ends the connection when those under way are answered (RFC 9113 section 6.8). */
  shutdown(): Promise<void>;
}

/** The serving end of HTTP/2, replaceable. */
export interface ServerTransport {
  /** E.g. `node:http2`; for reports. */
  readonly name: string;
  /**
   * Speaks HTTP/2 with prior knowledge on a connected socket and takes it over. The caller must have flushed its own
   * writes. `head` holds bytes that the client has sent already, its preface for instance.
   */
  accept(
    socket: Duplex,
    handler: ServerHandler,
    options: { readonly head?: Uint8Array; readonly settings: Http2Settings },
  ): ServerConnection;
}

export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderFields;
  /** Bytes; absent where the server did not announce a length. */
  readonly contentLength?: number;
}

/**
 * Where the body of a response goes: memory of at least the body's length, which the transport fills from its start,
 * or a function that is given the body piece by piece. The bytes of a piece are valid only during the call, because a
 * transport may read the next ones into the same memory.
 */
export type BodyDestination = Uint8Array | ((piece: Uint8Array) => void);

/** Called synchronously at each stage, so that a caller can read its own clock there. Each at most once. */
export interface RequestHooks {
  /** The request was handed to the socket. */
  readonly requestSent?: () => void;
  /**
   * Nothing reads the memory of the request's body any more. Never called where a transport cannot tell, as `node:http2`
   * after a reset: the memory is then left to the garbage collector.
   */
  readonly bodySent?: () => void;
  /** The response's headers have arrived. */
  readonly firstByte?: () => void;
  /** The last byte of the body is in its destination. */
  readonly lastByte?: () => void;
}

export interface ClientRequest {
  /** `GET` where absent. */
  readonly method?: 'GET' | 'POST' | 'PUT';
  /** With its query: `/chunk?digest=...`. */
  readonly path: string;
  /** Beside the pseudo fields. */
  readonly headers?: HeaderFields;
  /**
   * Sent behind the headers as far as the server's windows and the socket take it, without a content-length, as PBS's own
   * clients do. Not copied: nobody may write to it until `hooks.bodySent` is called, also when the request has settled, since
   * a frame that has begun is sent to its end.
   */
  readonly body?: Uint8Array;
  /** Resets the stream. */
  readonly signal: AbortSignal;
  /**
   * Called once, after the final headers have arrived and before any byte of the body; a transport may wait until the
   * body begins, so that no memory waits for it. If it throws, the request rejects.
   *
   * A promise holds the whole connection back, for memory that is not free yet. Until it settles the transport reads
   * nothing from the socket; what it has read already it keeps, and handles afterwards in the order of arrival. Other
   * requests of the connection get no bytes meanwhile, so what the promise waits for must not need any: a caller gives
   * out no more requests than it has memory for, or waits for memory that is whole already and about to be used up.
   * With several promises at once the connection stays held back until the last of them has settled.
   *
   * If the promise rejects, the request rejects with its reason and the stream is reset. If the request ends while the
   * promise waits (it is aborted, say), it rejects at once, reading goes on, and what the promise gives later is not used:
   * the caller, who sees both, takes it back. Never called once the request has settled. The destination is the
   * transport's from the moment at which `receive` returned it, or the promise gave it, until the request settles.
   */
  readonly receive: (head: ResponseHead) => BodyDestination | Promise<BodyDestination>;
  readonly hooks?: RequestHooks;
}

export interface ClientResponse extends ResponseHead {
  /** Bytes of the body that were received. */
  readonly bodyBytes: number;
}

/** How far the connection's own receive window is used; a window without room while data is pending limits a restore. */
export interface WindowUsage {
  readonly sizeBytes: number;
  /** Received but not yet given back to the server by WINDOW_UPDATE. */
  readonly unacknowledgedBytes: number;
}

/** The requesting end of one HTTP/2 connection. */
export interface ClientConnection {
  /**
   * Held back while as many are under way as the server's SETTINGS allow. Resolves when the whole body of the response is
   * in its destination, whatever the status; what is left of the request's own body then is not sent (RFC 9113 section
   * 8.1). Rejects with the signal's reason when aborted, and with a ServerError when the stream or connection ends early,
   * or the body is shorter or longer than its content-length or destination. Once it has settled, its destination is never
   * written to again.
   */
  request(request: ClientRequest): Promise<ClientResponse>;
  readonly localWindow: WindowUsage;
  /** Resolves when the server has answered a PING (RFC 9113 section 6.7); rejects when the connection ends first. */
  ping(): Promise<void>;
  /** Ends the connection at once; requests in flight reject. */
  close(): void;
  /** Resolves when the connection has ended: with the cause, or with undefined after `close`. Never rejects. */
  readonly closed: Promise<Error | undefined>;
}

/** A socket that is to be made with `onread`, and what takes it over. */
export interface PreparedSocket extends Pick<ClientTransport, 'connect'> {
  readonly onread: OnReadOpts;
}

/** The requesting end of HTTP/2, replaceable. */
export interface ClientTransport {
  /** E.g. `node:http2`; for reports. */
  readonly name: string;
  /**
   * For a transport that reads through `onread` into its own memory: that can be chosen only when a socket is created,
   * and 1.1 against 2.6 GB per CPU-second hang on it. Made afresh for each socket; its `onread` goes to `tls.connect`.
   * Such a socket emits no `data`; what arrives before `connect` (the HTTP/1.1 answers) goes to `receive`, valid only
   * during the call. Absent for a transport that reads its socket as a stream.
   */
  readonly prepareSocket?: (receive: (bytes: Uint8Array) => void) => PreparedSocket;
  /**
   * Sends the preface and takes the socket over, right after the 101 response; does not wait for the server's
   * SETTINGS. `head` holds bytes that arrived behind that response.
   */
  connect(socket: Duplex, options: { readonly head?: Uint8Array; readonly settings: Http2Settings }): ClientConnection;
}
