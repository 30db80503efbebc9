import { Readable, type Duplex } from 'node:stream';

import type {
  Http2Settings,
  ServerBody,
  ServerConnection,
  ServerHandler,
  ServerResponse,
} from '../transport/transport.ts';
import { Connection } from './connection.ts';
import { connectionPreface, headersFrames, LARGEST_WINDOW_SIZE, pingFrame } from './frame.ts';
import type { ReceivedFields } from './inbound.ts';
import { ConnectionFault, errorCodes, StreamFault } from './http2-error.ts';
import { requestFields } from './message-fields.ts';
import { ServerStream, type ServerStreamOwner } from './server-stream.ts';
import type { SocketPort } from './socket-port.ts';

/** Streams that a client may have open where the settings do not say: what a real server announces (spec 3.3). */
const DEFAULT_MAX_STREAMS = 200;

/** RFC 6585 section 5, by RFC 9113 section 10.5.1 the answer to a header list above the announced length. */
const HEADERS_TOO_LARGE = 431;

/** Identifies the PING whose answer shows that the client knows of the coming end. */
const shutdownPing: Buffer = Buffer.from('shutdown', 'latin1');

/** The serving end of one connection. */
export class H2ServerConnection extends Connection<ServerStream> implements ServerConnection, ServerStreamOwner {
  readonly closed: Promise<void>;
  readonly #resolveClosed: () => void;
  readonly #socket: Duplex;
  readonly #handler: ServerHandler;
  readonly #maxStreams: number;
  #prefaceBytes = 0;
  #isShuttingDown = false;
  /** The client has been told which request was the last one. */
  #isRefusing = false;
  #lastRefusedStreamId = 0;
  #endsInOrder = false;

  constructor(port: SocketPort, handler: ServerHandler, settings: Http2Settings) {
    super(port, settings, false);
    this.#socket = port.socket;
    this.#handler = handler;
    this.#maxStreams = settings.maxConcurrentStreams ?? DEFAULT_MAX_STREAMS;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#resolveClosed = resolve;
  }

  close(): void {
    this.endNow();
  }

  /** In two steps, so that requests which are on their way are not lost (RFC 9113 section 6.8). */
  async shutdown(): Promise<void> {
    if (!this.#isShuttingDown && !this.isOver) {
      this.#isShuttingDown = true;
      this.goaway(errorCodes.noError, LARGEST_WINDOW_SIZE);
      this.sender.control(pingFrame(shutdownPing, false));
    }
    await this.closed;
  }

  override receive(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (this.#prefaceBytes < connectionPreface.length && at < end && !this.isOver) {
      if (bytes[at] !== connectionPreface[this.#prefaceBytes])
        this.fault(new ConnectionFault(errorCodes.protocolError, 'the client does not begin as HTTP/2 clients do'));
      this.#prefaceBytes += 1;
      at += 1;
    }
    return super.receive(bytes, at, end);
  }

  override receivePong(): void {
    if (!this.#isShuttingDown || this.#isRefusing) return;
    this.#isRefusing = true;
    this.goaway(errorCodes.noError);
    this.streamEnded();
  }

  isIdle(streamId: number): boolean {
    return streamId % 2 === 0 || streamId > Math.max(this.lastPeerStreamId, this.#lastRefusedStreamId);
  }

  receiveFields(streamId: number, open: ServerStream | undefined, received: ReceivedFields): void {
    if (open !== undefined) {
      open.receiveTrailers(received);
      this.remoteEnded(open);
      return;
    }
    if (streamId % 2 === 0) throw new ConnectionFault(errorCodes.protocolError, 'a client opened an even stream');
    if (this.#isRefusing) {
      // What the client sends for it until it hears of the end is no error (RFC 9113 section 6.8).
      this.#lastRefusedStreamId = streamId;
      this.ended.add(streamId, 'reset-here');
      return;
    }
    this.lastPeerStreamId = streamId;
    if (this.streams.size >= this.#maxStreams)
      throw new StreamFault(streamId, errorCodes.refusedStream, 'more streams than were announced');
    const sorted = requestFields(received.fields);
    if (!received.isTooLong && 'malformed' in sorted)
      throw new StreamFault(streamId, errorCodes.protocolError, sorted.malformed);
    const fields = 'malformed' in sorted ? { pseudo: new Map<string, string>(), headers: {} } : sorted;
    const stream = this.openStream((receive, send) => new ServerStream(streamId, { receive, send }, fields, this));
    if (received.isEndOfStream) this.remoteEnded(stream);
    if (received.isTooLong) this.#begin(stream, { status: HEADERS_TOO_LARGE, headers: {} }, true);
    else void this.#answer(stream);
  }

  hold(until: Promise<unknown>): void {
    this.pauseUntil(until);
  }

  receiveGoaway(): void {
    this.#isShuttingDown = true;
    this.#isRefusing = true;
    this.streamEnded();
  }

  protected settingsChanged(): void {}

  protected streamEnded(): void {
    if (!this.#isRefusing || this.streams.size > 0 || this.isOver) return;
    this.#endsInOrder = true;
    this.endInOrder();
  }

  protected explainEnd(cause: Error | undefined): Error {
    return cause ?? new Error('the connection has ended');
  }

  /** In order, the last body may still be on its way: who waits for the end must not close the socket before. */
  protected connectionEnded(): void {
    if (this.#endsInOrder && !this.#socket.destroyed) this.#socket.once('close', this.#resolveClosed);
    else this.#resolveClosed();
  }

  async #answer(stream: ServerStream): Promise<void> {
    try {
      const response = await this.#handler(stream.request);
      if (response.body instanceof Uint8Array) this.#sendBytes(stream, response, response.body);
      else await this.#sendPieces(stream, response, response.body);
    } catch (error) {
      if (error instanceof ConnectionFault) this.fault(error);
      else if (this.streams.get(stream.id) === stream) this.reset(stream.id, errorCodes.internalError);
    }
  }

  #sendBytes(stream: ServerStream, response: ServerResponse, body: Uint8Array): void {
    const release = (): void => response.sent?.();
    if (stream.isGone) {
      release();
      return;
    }
    this.#begin(stream, response, body.length === 0);
    if (body.length === 0) release();
    else this.sender.send(stream, body, true, release);
  }

  async #sendPieces(
    stream: ServerStream,
    response: ServerResponse,
    body: Exclude<ServerBody, Uint8Array>,
  ): Promise<void> {
    const pieces = body[Symbol.asyncIterator]();
    if (!stream.isGone) this.#begin(stream, response, false);
    while (!stream.isGone) {
      const next = await pieces.next();
      if (stream.isGone) break;
      if (next.done === true) {
        this.sender.send(stream, new Uint8Array(0), true, () => {});
        return;
      }
      if (next.value.length > 0) await this.#sent(stream, next.value);
    }
    // The iterator of a file stream that was never read would not end it.
    if (body instanceof Readable) body.destroy();
    else await pieces.return?.();
  }

  async #sent(stream: ServerStream, piece: Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => this.sender.send(stream, piece, false, resolve));
  }

  #begin(stream: ServerStream, { status, headers }: Pick<ServerResponse, 'status' | 'headers'>, isEnd: boolean): void {
    const fields = [{ name: ':status', value: String(status) }];
    for (const [name, value] of Object.entries(headers)) fields.push({ name, value });
    this.answer(headersFrames(stream.id, this.encoder.encode(fields), isEnd, this.peer.maxFrameSize));
    if (!isEnd) return;
    stream.isLocalEnded = true;
    this.endIfBothEnded(stream);
  }
}
