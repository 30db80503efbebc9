import type { Readable } from 'node:stream';

import type { HeaderFields } from '../transport/transport.ts';
import { asTexts, bodyFields, MAX_PARAMETER_BYTES } from './body-fields.ts';
import { readParameters, type ParameterRules } from './parameters.ts';

/** A request of the HTTP/1.1 listener. */
export interface PublicRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly headers: HeaderFields;
  /** Reads the whole body, once. Rejects with a Refusal where it has `maxBytes` or more. */
  readonly body: (maxBytes: number) => Promise<Buffer>;
  /** Whether the request came with the means to change the protocol of its connection. */
  readonly canUpgrade: boolean;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

export interface PublicAnswer {
  readonly kind: 'answer';
  readonly status: number;
  readonly headers: HeaderFields;
  /** A stream is sent at the pace of the client, its length not announced; whoever does not send it destroys it. */
  readonly body: string | Readable;
}

export const JSON_TYPE = 'application/json;charset=UTF-8';

/** `{"data":...}` */
export const dataAnswer = (data: unknown): PublicAnswer => ({
  kind: 'answer',
  status: 200,
  headers: { 'content-type': JSON_TYPE },
  body: JSON.stringify({ data }),
});

export const streamAnswer = (body: Readable, contentType = 'application/octet-stream'): PublicAnswer => ({
  kind: 'answer',
  status: 200,
  headers: { 'content-type': contentType },
  body,
});

/**
 * Parameters of an endpoint: those of its path; and of the body if that is JSON, where the query does not count, else of
 * a form and the query (spec 2.5).
 * @throws Refusal 400
 */
export async function readRequestParameters(
  request: PublicRequest,
  { query, ofPath = [], rules, isRaw = false }: ParameterSources,
): Promise<ReadonlyMap<string, string>> {
  const { headers, body } = request;
  const fields = isRaw
    ? new URLSearchParams(query)
    : asTexts(bodyFields(headers['content-type'], await body(MAX_PARAMETER_BYTES), query));
  return readParameters([...ofPath, ...fields], rules);
}

interface ParameterSources {
  readonly query: string;
  /** What the path itself says. */
  readonly ofPath?: readonly (readonly [name: string, value: string])[];
  readonly rules: ParameterRules;
  /** The body is no parameters: only path and query are looked at. */
  readonly isRaw?: boolean;
}
