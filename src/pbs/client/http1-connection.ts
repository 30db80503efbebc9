import type { TLSSocket } from 'node:tls';

import { ServerError } from '../../model/errors.ts';
import { Http1ResponseReader, MAX_HEAD_BYTES, type Http1Response } from './http1-response.ts';

/** An HTTP/1.1 request; `host` is added behind the fields, `content-length` behind it where there is a body. */
export interface Http1Request {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  /** Sent in this order: PBS's own clients have a fixed one (observed.md). */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Bound on the body of the response; default 256 KiB, far above answers to logins, and refusals. */
  readonly maxBodyBytes?: number;
}

export interface ExchangeLimits {
  readonly signal: AbortSignal;
  /** From a request until its response. */
  readonly timeoutMs: number;
}

const MAX_BODY_BYTES = 256 * 1024;

interface Waiting {
  readonly reader: Http1ResponseReader;
  readonly resolve: (response: Http1Response) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The HTTP/1.1 part of a session: requests, one after the other, on a connection that may then be handed over.
 * Node's own client cannot keep a given socket from the login to the upgrade with a given order of headers.
 */
export class Http1Connection {
  readonly #place: string;
  #socket: TLSSocket | undefined;
  /** Behind the last response, or before any request. */
  #rest: Buffer = Buffer.alloc(0);
  #waiting: Waiting | undefined;

  /** @param place host and port, for the `host` header and error texts */
  constructor(place: string) {
    this.#place = place;
  }

  /** @param isFed whether bytes come through `receive` rather than as `data` of the socket */
  attach(socket: TLSSocket, { isFed }: { readonly isFed: boolean }): void {
    this.#socket = socket;
    if (!isFed) socket.on('data', this.receive);
    socket.on('error', this.#fail).on('close', this.#close);
  }

  /** Whether another request may go over it. One on which the server spoke unasked may be about to close (RFC 9112, 9.5). */
  get isReusable(): boolean {
    return this.#isOpen && this.#rest.length === 0;
  }

  get #isOpen(): boolean {
    return this.#socket !== undefined && this.#socket.writable;
  }

  /** Takes bytes of the server; they are copied. */
  readonly receive = (bytes: Uint8Array): void => {
    const copy = Buffer.from(bytes);
    if (this.#waiting !== undefined) return this.#answer(this.#waiting, copy);
    this.#rest = Buffer.concat([this.#rest, copy]);
    // Nobody asked for that much.
    if (this.#rest.length > MAX_BODY_BYTES + MAX_HEAD_BYTES) this.#socket?.destroy();
  };

  /** Lets go of the socket; returns what the server sent behind its last response. */
  detach(): Uint8Array {
    this.#socket?.off('data', this.receive).off('error', this.#fail).off('close', this.#close).pause();
    this.#socket = undefined;
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return rest;
  }

  /** @throws ServerError `connection-lost`, `response-malformed`, `stalled`; the signal's reason when aborted */
  async exchange(request: Http1Request, { signal, timeoutMs }: ExchangeLimits): Promise<Http1Response> {
    const { promise, resolve, reject } = Promise.withResolvers<Http1Response>();
    const reader = new Http1ResponseReader(request.maxBodyBytes ?? MAX_BODY_BYTES);
    const waiting: Waiting = { reader, resolve, reject };
    this.#waiting = waiting;
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    const timer = setTimeout(() => {
      const message = `${this.#place} did not answer within ${timeoutMs} ms`;
      reject(new ServerError(message, { code: 'stalled', hint: 'is the server overloaded, or the network blocked?' }));
    }, timeoutMs);
    try {
      signal.throwIfAborted();
      const early = this.#rest;
      this.#rest = Buffer.alloc(0);
      if (early.length > 0) this.#answer(waiting, early);
      if (this.#isOpen) this.#socket?.write(serialize(request, this.#place));
      else reject(connectionLost(this.#place, 'the server closed it'));
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      this.#waiting = undefined;
    }
  }

  readonly #fail = (error: Error): void => {
    this.#waiting?.reject(connectionLost(this.#place, error.message, error));
  };

  readonly #close = (): void => {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    waiting.reader.end();
    if (waiting.reader.response !== undefined) waiting.resolve(waiting.reader.response);
    waiting.reject(connectionLost(this.#place, 'the server closed it'));
  };

  /** Settles the request that waits if its whole response is there. */
  #answer({ reader, resolve, reject }: Waiting, bytes: Buffer): void {
    try {
      const rest = reader.response === undefined ? reader.add(bytes) : bytes;
      if (rest.length > 0) this.#rest = Buffer.concat([this.#rest, rest]);
      if (reader.response !== undefined) resolve(reader.response);
    } catch (error) {
      reject(error as Error);
    }
  }
}

export function connectionLost(place: string, reason: string, cause?: Error): ServerError {
  return new ServerError(`the connection to ${place} was lost: ${reason}`, {
    code: 'connection-lost',
    hint: 'check the log of the server, and the network in between',
    cause,
  });
}

function serialize({ method, path, headers, body }: Http1Request, host: string): string {
  const lines = Object.entries({
    ...headers,
    host,
    ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`;
}
