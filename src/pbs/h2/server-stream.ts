import type { ServerRequest } from '../transport/transport.ts';
import type { ReceivedFields } from './inbound.ts';
import { errorCodes, StreamFault } from './http2-error.ts';
import { contentLength, trailerFields, type MessageFields } from './message-fields.ts';
import type { ReceiveWindow } from './receive-window.ts';
import { Http2Stream } from './stream.ts';

/** One request, as the server sees it. The bytes of its body are counted and thrown away. */
export class ServerStream extends Http2Stream {
  readonly request: ServerRequest;
  readonly #announcedBytes: number | undefined;
  readonly #gone: AbortController = new AbortController();
  #bodyBytes = 0;

  constructor(
    id: number,
    windows: { readonly receive: ReceiveWindow; readonly send: number },
    { pseudo, headers }: MessageFields,
  ) {
    super(id, windows.receive, windows.send);
    const target = pseudo.get('path') ?? '/';
    const mark = target.indexOf('?');
    this.request = {
      method: pseudo.get('method') ?? '',
      path: mark === -1 ? target : target.slice(0, mark),
      query: mark === -1 ? '' : target.slice(mark + 1),
      headers,
      signal: this.#gone.signal,
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

  receiveData(_bytes: Buffer, start: number, end: number): void {
    this.#bodyBytes += end - start;
    if (this.#announcedBytes !== undefined && this.#bodyBytes > this.#announcedBytes)
      throw this.#malformed('the body is longer than its content-length');
  }

  receiveEnd(): void {
    // Also where the content-length is no number.
    if (this.#announcedBytes !== undefined && this.#bodyBytes !== this.#announcedBytes)
      throw this.#malformed('the body does not have its content-length');
  }

  fail(error: Error): void {
    this.#gone.abort(error);
  }

  #malformed(what: string): StreamFault {
    return new StreamFault(this.id, errorCodes.protocolError, what);
  }
}
