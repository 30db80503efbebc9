import type { TLSSocket } from 'node:tls';

import { ServerError } from '../../model/errors.ts';

/** An HTTP/1.1 request; `host` is added behind the fields, `content-length` behind it where there is a body. */
export interface Http1Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Sent in this order: PBS's own clients have a fixed one (observed.md). */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Http1Response {
  readonly status: number;
  /** Names in lower case; of repeated ones the last. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** Answers to logins and refusals are far below; a bound for whatever else is listening. */
const MAX_HEAD_BYTES = 16 * 1024;
const MAX_BODY_BYTES = 256 * 1024;

interface Waiting {
  readonly resolve: (response: Http1Response) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The HTTP/1.1 part of a session: a request or two, one after the other, on a connection that is then handed over.
 * Node's own client cannot keep a given socket from the login to the upgrade with a given order of headers.
 */
export class Http1Connection {
  readonly #place: string;
  #socket: TLSSocket | undefined;
  #received: Buffer = Buffer.alloc(0);
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

  /** Takes bytes of the server; they are copied. */
  readonly receive = (bytes: Uint8Array): void => {
    this.#received = Buffer.concat([this.#received, bytes]);
    this.#answer(false);
  };

  /** Lets go of the socket; returns what the server sent behind its last response. */
  detach(): Uint8Array {
    this.#socket?.off('data', this.receive).off('error', this.#fail).off('close', this.#close).pause();
    this.#socket = undefined;
    const rest = this.#received;
    this.#received = Buffer.alloc(0);
    return rest;
  }

  /** @throws ServerError `connection-lost`, `response-malformed`, `stalled`; the signal's reason when aborted */
  async exchange(
    request: Http1Request,
    { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
  ): Promise<Http1Response> {
    const { promise, resolve, reject } = Promise.withResolvers<Http1Response>();
    this.#waiting = { resolve, reject };
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    const timer = setTimeout(() => {
      const message = `${this.#place} did not answer within ${timeoutMs} ms`;
      reject(new ServerError(message, { code: 'stalled', hint: 'is the server overloaded, or the network blocked?' }));
    }, timeoutMs);
    try {
      signal.throwIfAborted();
      this.#socket?.write(serialize(request, this.#place));
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
    this.#answer(true);
    this.#waiting?.reject(connectionLost(this.#place, 'the server closed it'));
  };

  /** Settles the request that waits if its whole response is there; a body without length ends with the connection. */
  #answer(isEnd: boolean): void {
    if (this.#waiting === undefined) return;
    try {
      const parsed = parseResponse(this.#received, isEnd);
      if (parsed === undefined) return;
      this.#received = this.#received.subarray(parsed.consumed);
      this.#waiting.resolve(parsed.response);
    } catch (error) {
      this.#waiting.reject(error as Error);
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

function parseResponse(bytes: Buffer, isEnd: boolean): { response: Http1Response; consumed: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) {
    if (bytes.length > MAX_HEAD_BYTES) throw malformed('its head has no end');
    return undefined;
  }
  const [statusLine = '', ...fields] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/u.exec(statusLine)?.[1]);
  if (Number.isNaN(status)) throw malformed('it does not begin like one');
  const headers = new Map(
    fields.map((field) => {
      const colon = field.indexOf(':');
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
    }),
  );
  const start = headEnd + 4;
  if (status === 101) return { response: { status, headers, body: Buffer.alloc(0) }, consumed: start };
  const declared = headers.get('content-length');
  if (declared === undefined && !isEnd) {
    if (bytes.length - start > MAX_BODY_BYTES) throw malformed('it has no end');
    return undefined;
  }
  const length = declared === undefined ? bytes.length - start : Number(declared);
  if (!Number.isInteger(length) || length < 0 || length > MAX_BODY_BYTES)
    throw malformed('its length is no sensible number');
  const end = start + length;
  if (bytes.length < end) return undefined;
  // Copied: the memory may go on to hold the first HTTP/2 frames.
  return { response: { status, headers, body: Buffer.from(bytes.subarray(start, end)) }, consumed: end };
}

function malformed(what: string): ServerError {
  return new ServerError(`the server's answer is not an HTTP/1.1 response that can be read: ${what}`, {
    code: 'response-malformed',
    hint: 'is this a Proxmox Backup Server?',
  });
}
