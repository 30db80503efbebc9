import type { BodyDestination, ClientRequest, ClientResponse, ResponseHead } from '../transport/transport.ts';
import {
  connectionLost,
  responseMalformed,
  responseTooLong,
  responseTruncated,
  streamReset,
} from '../transport/transport-errors.ts';
import type { ReceivedFields } from './inbound.ts';
import { errorCodes, errorName, StreamFault } from './http2-error.ts';
import { contentLength, responseFields, trailerFields } from './message-fields.ts';
import { ReadPlaces } from './read-places.ts';
import type { ReceiveWindow } from './receive-window.ts';
import { Http2Stream, StreamReset } from './stream.ts';

/** What a stream needs of its connection. */
export interface ClientStreamOwner {
  /** Reads nothing from the socket until the promise settles; it never rejects. */
  hold(until: Promise<unknown>): void;
  /** The response is of no use to the caller: resets the stream and fails it with the error. */
  giveUp(stream: ClientStream, error: Error): void;
}

/** One request and its response, as the client sees them. */
export class ClientStream extends Http2Stream {
  readonly #request: ClientRequest;
  readonly #owner: ClientStreamOwner;
  readonly #response: PromiseWithResolvers<ClientResponse> = Promise.withResolvers<ClientResponse>();
  #head: ResponseHead | undefined;
  #destination: BodyDestination | undefined;
  /** Of a destination in memory: where reads go, from which offset on, and how many bytes the body may have. */
  #places: ReadPlaces | undefined;
  #offset = 0;
  #limit = 0;
  #bodyBytes = 0;
  #hasAsked = false;
  /** Settled when the destination is known, where the caller has promised one. */
  #waiting: Promise<void> | undefined;
  #isSettled = false;

  constructor(
    id: number,
    windows: { readonly receive: ReceiveWindow; readonly send: number },
    request: ClientRequest,
    owner: ClientStreamOwner,
  ) {
    super(id, windows.receive, windows.send);
    this.#request = request;
    this.#owner = owner;
  }

  get response(): Promise<ClientResponse> {
    return this.#response.promise;
  }

  /** All announced bytes are in their destination: whatever becomes of the connection, the body is whole. */
  get isWhole(): boolean {
    return this.#destination !== undefined && this.#head?.contentLength === this.#bodyBytes;
  }

  receiveFields({ fields, isTooLong, isEndOfStream }: ReceivedFields): 'interim' | 'final' {
    if (isTooLong) throw this.#fault(errorCodes.enhanceYourCalm, 'the header list is too long');
    if (this.#head !== undefined) {
      const trailers = trailerFields(fields);
      if (!isEndOfStream || 'malformed' in trailers) throw this.#fault(errorCodes.protocolError, 'wrong trailers');
      return 'final';
    }
    const sorted = responseFields(fields);
    if ('malformed' in sorted) throw this.#fault(errorCodes.protocolError, sorted.malformed);
    const status = Number(sorted.pseudo.get('status'));
    // Interim responses come before the final one (RFC 9113 section 8.1).
    if (status < 200) {
      if (isEndOfStream) throw this.#fault(errorCodes.protocolError, 'an interim response that ends the stream');
      return 'interim';
    }
    const { headers } = sorted;
    const length = contentLength(headers);
    if (Number.isNaN(length)) throw this.#fault(errorCodes.protocolError, 'a content-length that is none');
    const head = { status, headers, ...(length === undefined ? {} : { contentLength: length }) };
    this.#head = head;
    this.#request.hooks?.firstByte?.();
    return 'final';
  }

  /**
   * Only now the caller is asked for memory, and not with the headers: those of many streams come at once, their bodies
   * one after the other, and memory that was used last is still in a cache.
   */
  override bodyBegins(): void {
    const head = this.#head;
    if (head === undefined || this.#hasAsked) return;
    this.#hasAsked = true;
    const received = this.#request.receive(head);
    if (!(received instanceof Promise)) {
      this.#begin(received, head);
      return;
    }
    this.#waiting = received.then(
      (given) => this.#begin(given, head),
      (error: unknown) => {
        this.#owner.giveUp(this, error as Error);
        // Where the server has ended the stream already.
        this.fail(error as Error);
      },
    );
    // Whichever comes first: an aborted request must not hold the others back.
    this.#owner.hold(Promise.race([this.#waiting, this.#response.promise.catch(() => {})]));
  }

  #begin(given: BodyDestination, { contentLength }: ResponseHead): void {
    if (this.#isSettled) return;
    this.#destination = given;
    if (!(given instanceof Uint8Array)) return;
    this.#places = ReadPlaces.of(given.buffer);
    this.#offset = given.byteOffset;
    this.#limit = Math.min(contentLength ?? given.length, given.length);
    if ((contentLength ?? 0) > given.length)
      this.#owner.giveUp(this, responseTooLong(this.#request.path, given.length));
  }

  receiveData(bytes: Buffer, start: number, end: number): void {
    const destination = this.#destination;
    const bodyBytes = this.#bodyBytes + end - start;
    if (destination === undefined) throw this.#fault(errorCodes.protocolError, 'DATA before the response');
    const limit = this.#head?.contentLength;
    if (limit !== undefined && bodyBytes > limit) {
      this.#bodyBytes = bodyBytes;
      throw this.#fault(errorCodes.protocolError, 'the body is longer than its content-length');
    }
    if (destination instanceof Uint8Array) {
      if (bodyBytes > destination.length) throw responseTooLong(this.#request.path, destination.length);
      bytes.copy(destination, this.#bodyBytes, start, end);
    } else {
      destination(bytes.subarray(start, end));
    }
    this.#bodyBytes = bodyBytes;
  }

  override placeForData(length: number): Uint8Array | undefined {
    const end = this.#bodyBytes + length;
    if (this.#places === undefined || end > this.#limit) return undefined;
    return this.#places.at(this.#offset + this.#bodyBytes, length);
  }

  override dataPlaced(length: number): void {
    this.#bodyBytes += length;
  }

  receiveEnd(): void {
    const head = this.#head;
    if (head === undefined) throw this.#fault(errorCodes.protocolError, 'the stream ended without a response');
    const { contentLength: length } = head;
    if (length !== undefined && length !== this.#bodyBytes)
      throw this.#fault(errorCodes.protocolError, 'the body is shorter than its content-length');
    // Of an empty body.
    this.bodyBegins();
    if (this.#waiting === undefined) this.finish();
    else void this.#waiting.then(() => this.finish());
  }

  finish(): void {
    if (this.#isSettled || this.#head === undefined) return;
    this.#isSettled = true;
    try {
      this.#request.hooks?.lastByte?.();
    } catch (error) {
      this.#response.reject(error);
      return;
    }
    this.#response.resolve({ ...this.#head, bodyBytes: this.#bodyBytes });
  }

  fail(error: Error): void {
    const isWanted = !(error instanceof StreamFault) && !this.#request.signal.aborted;
    if (this.isWhole && isWanted) this.finish();
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#destination = undefined;
    this.#places = undefined;
    this.#response.reject(this.#explain(error));
  }

  #explain(error: Error): Error {
    const { path } = this.#request;
    // What a server leaves behind that closes its connection; an answer that is whole does not come here.
    if (error instanceof StreamReset && error.code === errorCodes.noError)
      return connectionLost('a stream ended before its body, with neither an error nor a GOAWAY', error);
    if (error instanceof StreamReset) return streamReset(path, errorName(error.code), error);
    if (!(error instanceof StreamFault)) return error;
    const { contentLength: length } = this.#head ?? {};
    if (error.code === errorCodes.protocolError && length !== undefined && length !== this.#bodyBytes)
      return responseTruncated(path, length, this.#bodyBytes, error);
    return responseMalformed(path, error.message, error);
  }

  #fault(code: (typeof errorCodes)[keyof typeof errorCodes], message: string): StreamFault {
    return new StreamFault(this.id, code, message);
  }
}
