import { ServerError, type KnownError } from '../../model/errors.ts';
import type { ClientConnection, ClientResponse } from '../transport/transport.ts';
import { responseMalformed, responseTooLong } from '../transport/transport-errors.ts';
import { BodyCollector } from './body-collector.ts';
import type { Http1Response } from './http1-response.ts';
import { USER_AGENT } from './log-in.ts';
import { sortedQuery, type QueryParameters } from './query.ts';
import type { StallWatch } from './stall-watch.ts';

/** One request inside of an upgraded session. */
export interface SessionCall {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Without query: `/fixed_chunk`. */
  readonly endpoint: string;
  readonly parameters?: QueryParameters;
  readonly contentType?: string;
  readonly body?: Uint8Array;
  readonly signal: AbortSignal;
  /** See `RequestHooks`. */
  readonly bodySent?: () => void;
  /** Whether the server may take any time for its answer, and nothing arrive meanwhile. */
  readonly isUnwatched?: boolean;
}

export interface SessionCallsOptions {
  readonly connection: ClientConnection;
  readonly watch: StallWatch;
  /** Why the connection was closed from this side, where it was. */
  readonly stall: () => ServerError | undefined;
  /** The error of an answer with another status than 200. */
  readonly explain: (call: SessionCall, response: Pick<Http1Response, 'status' | 'body'>) => KnownError;
}

/** What HTTP/2 requests of a session carry unless they say otherwise (spec 3.4). */
const DEFAULT_CONTENT_TYPE = 'application/x-www-form-urlencoded';

/** JSON answers of a backup session hold a number or a digest. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Requests inside of an upgraded session whose answers are small: JSON with `data`, or a file of bounded length. */
export class SessionCalls {
  readonly #options: SessionCallsOptions;

  constructor(options: SessionCallsOptions) {
    this.#options = options;
  }

  /**
   * The `data` of the answer; null where it has no body.
   * @throws what `explain` makes of a refusal; ServerError `response-malformed`, `response-too-long`, `connection-lost`,
   * `stream-reset`, `stalled`; the signal's reason when aborted
   */
  async data(call: SessionCall): Promise<unknown> {
    const bytes = await this.download(call, MAX_ANSWER_BYTES);
    if (bytes.length === 0) return null;
    let answer: unknown;
    try {
      answer = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    } catch (error) {
      throw responseMalformed(call.endpoint, 'it is not JSON', error);
    }
    if (typeof answer === 'object' && answer !== null && 'data' in answer) return answer.data;
    throw responseMalformed(call.endpoint, 'it has no data');
  }

  /** The bytes of the answer; errors as {@link data}. */
  async download(call: SessionCall, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const accepted = new BodyCollector(call.endpoint, maxBytes);
    const refused = new BodyCollector(call.endpoint, MAX_ANSWER_BYTES);
    const { status } = await this.#request(call, (isAccepted, announced) => {
      if (isAccepted && announced > maxBytes) throw responseTooLong(call.endpoint, maxBytes);
      return isAccepted ? accepted : refused;
    });
    if (status === 200) return accepted.bytes;
    throw this.#options.explain(call, { status, body: Buffer.from(refused.bytes) });
  }

  async #request(
    call: SessionCall,
    collectorFor: (isAccepted: boolean, announcedBytes: number) => BodyCollector,
  ): Promise<ClientResponse> {
    const { method, endpoint, parameters, contentType = DEFAULT_CONTENT_TYPE, body, signal, bodySent } = call;
    const { connection, watch, stall } = this.#options;
    if (call.isUnwatched !== true) watch.begin();
    try {
      return await connection.request({
        method,
        path: parameters === undefined ? endpoint : `${endpoint}?${sortedQuery(parameters)}`,
        headers: { 'user-agent': USER_AGENT, 'content-type': contentType },
        ...(body === undefined ? {} : { body }),
        signal,
        receive: ({ status, contentLength = 0 }) => {
          const collector = collectorFor(status === 200, contentLength);
          return (piece) => collector.add(piece);
        },
        ...(bodySent === undefined ? {} : { hooks: { bodySent } }),
      });
    } catch (error) {
      throw signal.aborted ? error : (stall() ?? error);
    } finally {
      if (call.isUnwatched !== true) watch.end();
    }
  }
}
