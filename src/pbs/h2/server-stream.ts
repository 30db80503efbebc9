import type { ServerRequest } from '../transport/transport.ts';
import type { ReceivedFields } from './inbound.ts';
import { errorCodes, StreamFault } from './http2-error.ts';
import { contentLength, trailerFields, type MessageFields } from './message-fields.ts';
import type { ReceiveWindow } from './receive-window.ts';
import { RequestBody } from './request-body.ts';
import { Http2Stream } from './stream.ts';

/** What a stream needs of its connection. */
export interface ServerStreamOwner {
  /** Reads nothing from the socket until the promise settles; it never rejects. */
  hold(until: Promise<unknown>): void;
}

/** One request, as the server sees it. */
export class ServerStream extends Http2Stream {
  readonly request: ServerRequest;
  readonly #owner: ServerStreamOwner;
  readonly #announcedBytes: number | undefined;
  readonly #gone: AbortController = new AbortController();
  readonly #body: RequestBody = new RequestBody();

  constructor(
    id: number,
    windows: { readonly receive: ReceiveWindow; readonly send: number },
    { pseudo, headers }: MessageFields,
    owner: ServerStreamOwner,
  ) {
    super(id, windows.receive, windows.send);
    this.#owner = owner;
    const target = pseudo.get('path') ?? '/';
    const mark = target.indexOf('?');
    this.request = {
      method: pseudo.get('method') ?? '',
      path: mark === -1 ? target : target.slice(0, mark),
      query: mark === -1 ? '' : target.slice(mark + 1),
      headers,
      signal: this.#gone.signal,
      receiveBody: (destination) => this.#body.take(destination),
    };
    this.#announcedBytes = contentLength(headers);
  }

  /** Whether the request can still be answered. */
  get isGone(): boolean {
    return this.#gone.signal.aborted;
  }

  receiveTrailers({ fields, isEndOfStream }: ReceivedFields): void {
    if (!isEndOfStream) throw this.#malformed('a second header list that does not end the stream');
    const sorted = trailerFields(fields);
    if ('malformed' in sorted) throw this.#malformed(sorted.malformed);
  }

  override bodyBegins(): void {
    const waiting = this.#body.begin();
    if (waiting !== undefined) this.#owner.hold(waiting);
  }

  receiveData(bytes: Buffer, start: number, end: number): void {
    if (this.#announcedBytes !== undefined && this.#body.bytes + end - start > this.#announcedBytes)
      throw this.#malformed('the body is longer than its content-length');
    this.#body.receive(bytes, start, end);
  }

  receiveEnd(): void {
    // Also where the content-length is no number.
    if (this.#announcedBytes !== undefined && this.#body.bytes !== this.#announcedBytes)
      throw this.#malformed('the body does not have its content-length');
    this.#body.end();
  }

  fail(error: Error): void {
    this.#gone.abort(error);
    this.#body.fail(error);
  }

  #malformed(what: string): StreamFault {
    return new StreamFault(this.id, errorCodes.protocolError, what);
  }
}
