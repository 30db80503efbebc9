import type { KnownError } from '../../model/errors.ts';
import { responseMalformed, responseTooLong } from '../transport/transport-errors.ts';
import { BodyCollector } from './body-collector.ts';
import type { Http1Response } from './http1-response.ts';
import { sortedQuery, type QueryParameters } from './query.ts';
import type { SessionConnection, SessionRequest } from './session-connection.ts';

/** One request inside of an upgraded session. */
export interface SessionCall extends Omit<SessionRequest, 'path' | 'receive' | 'hooks'> {
  /** Without query: `/fixed_chunk`. */
  readonly endpoint: string;
  readonly parameters?: QueryParameters;
  /** See `RequestHooks`. */
  readonly bodySent?: () => void;
}

export interface SessionCallsOptions {
  readonly connection: SessionConnection;
  /** The error of an answer with another status than 200. */
  readonly explain: (call: SessionCall, response: Pick<Http1Response, 'status' | 'body'>) => KnownError;
}

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
    const { endpoint, parameters, bodySent, ...request } = call;
    const { connection, explain } = this.#options;
    const accepted = new BodyCollector(endpoint, maxBytes);
    const refused = new BodyCollector(endpoint, MAX_ANSWER_BYTES);
    const { status } = await connection.request({
      ...request,
      path: parameters === undefined ? endpoint : `${endpoint}?${sortedQuery(parameters)}`,
      receive: (head) => {
        if (head.status !== 200) return (piece) => refused.add(piece);
        if ((head.contentLength ?? 0) > maxBytes) throw responseTooLong(endpoint, maxBytes);
        return (piece) => accepted.add(piece);
      },
      ...(bodySent === undefined ? {} : { hooks: { bodySent } }),
    });
    if (status === 200) return accepted.bytes;
    throw explain(call, { status, body: Buffer.from(refused.bytes) });
  }
}
