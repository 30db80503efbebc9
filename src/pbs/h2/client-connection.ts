import type { Duplex } from 'node:stream';

import { Permits } from '../../model/permits.ts';
import { connectionLost } from '../transport/transport-errors.ts';
import type {
  ClientConnection,
  ClientRequest,
  ClientResponse,
  Http2Settings,
  RequestHooks,
  WindowUsage,
} from '../transport/transport.ts';
import { ClientStream, type ClientStreamOwner } from './client-stream.ts';
import { Connection } from './connection.ts';
import { connectionPreface, headersFrames, pingFrame } from './frame.ts';
import type { ReceivedFields } from './inbound.ts';
import { ConnectionFault, errorCodes, errorName } from './http2-error.ts';
import type { SocketPort } from './socket-port.ts';

/** What every real client sends as `:authority` (spec 3.4); servers do not look at it. */
const AUTHORITY = 'localhost:8007';

/** Streams of clients have odd numbers (RFC 9113 section 5.1.1); above this one a new connection is needed. */
const LAST_STREAM_ID: number = 2 ** 31 - 1;

/** Servers do not look at it; answers come in the order of the PINGs. */
const pingPayload: Uint8Array = new Uint8Array(8);

/** The requesting end of one connection. */
export class H2ClientConnection extends Connection<ClientStream> implements ClientConnection, ClientStreamOwner {
  readonly closed: Promise<Error | undefined>;
  readonly #resolveClosed: (cause: Error | undefined) => void;
  readonly #socket: Duplex;
  readonly #streamPermits: Permits = new Permits(Number.POSITIVE_INFINITY);
  /** Aborted when no stream can be opened any more. */
  readonly #refusing: AbortController = new AbortController();
  readonly #pings: PromiseWithResolvers<void>[] = [];
  #nextStreamId = 1;
  /** How the server said goodbye. */
  #goodbye: string | undefined;
  #isClosedHere = false;

  constructor(port: SocketPort, settings: Http2Settings) {
    // The preface comes before everything else; the socket is handed over with nothing waiting in it.
    port.socket.write(connectionPreface);
    super(port, settings, true);
    this.#socket = port.socket;
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    this.closed = promise;
    this.#resolveClosed = resolve;
  }

  get localWindow(): WindowUsage {
    const { sizeBytes, usedBytes } = this.receiveWindow;
    return { sizeBytes, unacknowledgedBytes: usedBytes };
  }

  async request(request: ClientRequest): Promise<ClientResponse> {
    const { method = 'GET', path, headers = {}, body, signal, hooks } = request;
    signal.throwIfAborted();
    await this.#takeStreamPermit(signal);
    try {
      signal.throwIfAborted();
      this.#refusing.signal.throwIfAborted();
      // May throw for a header that cannot be sent: no stream is open then that nobody waits for.
      const block = this.encoder.encode(requestFields(method, path, headers));
      const stream = this.openStream(
        (receive, send) => new ClientStream(this.#nextStreamId, { receive, send }, request, this),
      );
      this.#nextStreamId += 2;
      if (this.#nextStreamId > LAST_STREAM_ID) this.#refusing.abort(connectionLost('it has no stream numbers left'));
      stream.isLocalEnded = body === undefined;
      this.sender.control(headersFrames(stream.id, block, stream.isLocalEnded, this.peer.maxFrameSize));
      if (body !== undefined) this.sender.send(stream, body, true, () => hooks?.bodySent?.());
      const abort = (): void => this.giveUp(stream, signal.reason as Error);
      signal.addEventListener('abort', abort, { once: true });
      try {
        this.#tellSent(stream, hooks);
        const response = await stream.response;
        // Answered before it had everything: the server wants no more of it.
        if (!stream.isLocalEnded && this.streams.get(stream.id) === stream) this.reset(stream.id, errorCodes.cancel);
        return response;
      } finally {
        signal.removeEventListener('abort', abort);
      }
    } finally {
      this.#streamPermits.give();
    }
  }

  ping(): Promise<void> {
    if (this.isOver) return Promise.reject(this.explainEnd(undefined));
    const ping = Promise.withResolvers<void>();
    this.#pings.push(ping);
    this.sender.control(pingFrame(pingPayload, false));
    return ping.promise;
  }

  override receivePong(): void {
    this.#pings.shift()?.resolve();
  }

  /** Nobody waits for the answer where the caller's hook throws. */
  #tellSent(stream: ClientStream, hooks: RequestHooks | undefined): void {
    try {
      hooks?.requestSent?.();
    } catch (error) {
      this.giveUp(stream, error as Error);
    }
  }

  async #takeStreamPermit(signal: AbortSignal): Promise<void> {
    const mustWait = this.#streamPermits.taken >= this.peer.maxConcurrentStreams;
    await this.#streamPermits.take(mustWait ? AbortSignal.any([signal, this.#refusing.signal]) : undefined);
  }

  close(): void {
    this.#isClosedHere = true;
    this.#goodbye ??= 'it was closed on this side';
    const isIdle = this.streams.size === 0;
    this.endNow();
    // Bytes of requests that wait for the socket are of no use to anybody, and would hold our GOAWAY back.
    if (!isIdle) this.#socket.destroy();
  }

  hold(until: Promise<unknown>): void {
    this.pauseUntil(until);
  }

  giveUp(stream: ClientStream, error: Error): void {
    if (this.streams.get(stream.id) !== stream) return;
    this.reset(stream.id, errorCodes.cancel);
    stream.fail(error);
  }

  isIdle(streamId: number): boolean {
    // Servers open streams only by PUSH_PROMISE, which is refused and remembered as reset.
    return streamId % 2 === 1 ? streamId >= this.#nextStreamId : this.ended.how(streamId) === undefined;
  }

  receiveFields(streamId: number, stream: ClientStream | undefined, received: ReceivedFields): void {
    if (stream === undefined)
      throw new ConnectionFault(errorCodes.protocolError, `a response on stream ${streamId} without a request`);
    if (stream.receiveFields(received) === 'interim') this.countWasteful('interim response');
    if (received.isEndOfStream) this.remoteEnded(stream);
  }

  /** Streams that the server will not answer fail; the others go on (RFC 9113 section 6.8). */
  receiveGoaway(lastStreamId: number, code: number): void {
    this.#goodbye =
      code === errorCodes.noError
        ? 'the server ended the session (GOAWAY without an error)'
        : `the server ended the session with HTTP/2 error ${errorName(code)}`;
    const lost = connectionLost(this.#goodbye);
    this.#refusing.abort(lost);
    for (const stream of this.streams.values()) if (stream.id > lastStreamId) this.giveUp(stream, lost);
    this.streamEnded();
  }

  protected settingsChanged(): void {
    this.#streamPermits.setLimit(this.peer.maxConcurrentStreams);
  }

  protected streamEnded(): void {
    if (this.#goodbye !== undefined && this.streams.size === 0 && !this.isOver) this.endNow();
  }

  protected explainEnd(cause: Error | undefined): Error {
    if (cause instanceof ConnectionFault)
      return connectionLost(`the server broke the rules of HTTP/2 (${cause.message})`, cause);
    const reason = this.#goodbye ?? cause?.message;
    if (reason !== undefined) return connectionLost(reason, cause);
    return connectionLost(
      this.isInFrame
        ? 'the server ended the connection inside a frame'
        : 'the server ended the connection (end of the stream, no GOAWAY)',
    );
  }

  protected connectionEnded(cause: Error | undefined): void {
    const lost = this.explainEnd(cause);
    this.#refusing.abort(lost);
    for (const ping of this.#pings.splice(0)) ping.reject(lost);
    this.#resolveClosed(this.#isClosedHere ? undefined : lost);
  }
}

function* requestFields(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): Generator<{ readonly name: string; readonly value: string }> {
  // In the order of real clients.
  yield { name: ':method', value: method };
  yield { name: ':scheme', value: 'https' };
  yield { name: ':authority', value: AUTHORITY };
  yield { name: ':path', value: path };
  for (const [name, value] of Object.entries(headers)) yield { name, value };
}
