import { ServerError } from '../../model/errors.ts';

export interface Http1Response {
  readonly status: number;
  /** Names in lower case; of repeated ones the last. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

export const MAX_HEAD_BYTES: number = 16 * 1024;
const MAX_CHUNK_LINE_BYTES = 1024;

/** How the end of a body is found (RFC 9112, 6.3). */
type Framing =
  | { readonly kind: 'length'; remaining: number }
  | { readonly kind: 'chunk-size' }
  | { readonly kind: 'chunk'; remaining: number }
  | { readonly kind: 'chunk-end' }
  | { readonly kind: 'trailer' }
  | { readonly kind: 'close' };

/** Reads one response from pieces of any size; the bytes of a body are looked at once. */
export class Http1ResponseReader {
  readonly #maxBodyBytes: number;
  /** Bytes of a head or line that has no end yet. */
  #open: Buffer = Buffer.alloc(0);
  #head: Omit<Http1Response, 'body'> | undefined;
  #framing: Framing | undefined;
  readonly #pieces: Buffer[] = [];
  #bodyBytes = 0;
  #response: Http1Response | undefined;

  constructor(maxBodyBytes: number) {
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** Once it is whole. */
  get response(): Http1Response | undefined {
    return this.#response;
  }

  /**
   * Takes bytes, whose memory must stay as it is.
   * @returns those behind the response; none before it is whole
   * @throws ServerError `response-malformed`
   */
  add(bytes: Buffer): Buffer {
    let rest = this.#open.length === 0 ? bytes : Buffer.concat([this.#open, bytes]);
    this.#open = rest.subarray(0, 0);
    while (rest.length > 0 && this.#response === undefined) {
      const taken = this.#take(rest);
      if (taken === 0) {
        this.#open = rest;
        return rest.subarray(rest.length);
      }
      rest = rest.subarray(taken);
    }
    return rest;
  }

  /** The connection has ended, which is the end of a body without a length. */
  end(): void {
    if (this.#framing?.kind === 'close') this.#finish();
  }

  /** How many of the bytes were used; 0 where more are needed. */
  #take(bytes: Buffer): number {
    const framing = this.#framing;
    if (framing === undefined) return this.#takeHead(bytes);
    if (framing.kind === 'close') return this.#takeBody(bytes);
    if (framing.kind !== 'length' && framing.kind !== 'chunk') return this.#takeLine(bytes, framing.kind);
    const taken = this.#takeBody(bytes.subarray(0, framing.remaining));
    framing.remaining -= taken;
    if (framing.remaining === 0 && framing.kind === 'length') this.#finish();
    else if (framing.remaining === 0) this.#framing = { kind: 'chunk-end' };
    return taken;
  }

  #takeHead(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n\r\n');
    if (end === -1 || end > MAX_HEAD_BYTES) {
      if (bytes.length > MAX_HEAD_BYTES) throw malformed('its head has no end');
      return 0;
    }
    const [statusLine = '', ...fields] = bytes.toString('latin1', 0, end).split('\r\n');
    const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/u.exec(statusLine)?.[1]);
    if (Number.isNaN(status)) throw malformed('it does not begin like one');
    const headers = new Map(
      fields.map((field) => {
        const colon = field.indexOf(':');
        return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
      }),
    );
    this.#head = { status, headers };
    if (status === 101 || status === 204 || status === 304) this.#finish();
    // Other 1xx announce a response that is still to come.
    else if (status >= 200) this.#beginBody(headers);
    return end + 4;
  }

  #beginBody(headers: ReadonlyMap<string, string>): void {
    const coding = headers.get('transfer-encoding');
    const declared = headers.get('content-length');
    if (coding !== undefined) {
      if (coding.toLowerCase() !== 'chunked') throw malformed('its transfer coding is not chunked');
      this.#framing = { kind: 'chunk-size' };
    } else if (declared === undefined) {
      this.#framing = { kind: 'close' };
    } else {
      const length = /^\d+$/u.test(declared) ? Number(declared) : Number.NaN;
      if (!Number.isSafeInteger(length) || length > this.#maxBodyBytes)
        throw malformed('its length is no sensible number');
      this.#framing = { kind: 'length', remaining: length };
      if (length === 0) this.#finish();
    }
  }

  #takeBody(bytes: Buffer): number {
    this.#bodyBytes += bytes.length;
    if (this.#bodyBytes > this.#maxBodyBytes) throw malformed(`it is longer than ${this.#maxBodyBytes} bytes`);
    this.#pieces.push(bytes);
    return bytes.length;
  }

  #takeLine(bytes: Buffer, kind: 'chunk-size' | 'chunk-end' | 'trailer'): number {
    const end = bytes.indexOf('\r\n');
    if (end === -1) {
      if (bytes.length > MAX_CHUNK_LINE_BYTES) throw malformed('a line of its chunked body has no end');
      return 0;
    }
    const line = bytes.toString('latin1', 0, end);
    if (kind === 'trailer') {
      if (line === '') this.#finish();
    } else if (kind === 'chunk-end') {
      if (line !== '') throw malformed('a chunk of its body is longer than it says');
      this.#framing = { kind: 'chunk-size' };
    } else {
      const [digits = ''] = line.split(';');
      if (!/^[0-9A-Fa-f]{1,8}\s*$/u.test(digits)) throw malformed('the size of a chunk of its body is no number');
      const size = Number.parseInt(digits, 16);
      this.#framing = size === 0 ? { kind: 'trailer' } : { kind: 'chunk', remaining: size };
    }
    return end + 2;
  }

  #finish(): void {
    if (this.#head === undefined) return;
    this.#response = { ...this.#head, body: Buffer.concat(this.#pieces) };
  }
}

function malformed(what: string): ServerError {
  return new ServerError(`the server's answer is not an HTTP/1.1 response that can be read: ${what}`, {
    code: 'response-malformed',
    hint: 'is this a Proxmox Backup Server?',
  });
}
