import type { Readable } from 'node:stream';

import type { HeaderFields } from '../transport/transport.ts';
import { readParameters, type ParameterRules } from './parameters.ts';
import { Refusal } from './refusal.ts';

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

/** Bodies of parameters must be shorter (spec 2.5). */
const MAX_PARAMETER_BYTES = 512 * 1024;

/** `{"data":...}`, with what else an endpoint has to say beside the data. */
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
  const fields = isRaw ? new URLSearchParams(query) : await readFields(request, query);
  return readParameters([...ofPath, ...fields], rules);
}

interface ParameterSources {
  readonly query: string;
  /** What the path itself says. */
  readonly ofPath?: Fields;
  readonly rules: ParameterRules;
  /** The body is no parameters: only path and query are looked at. */
  readonly isRaw?: boolean;
}

type Fields = readonly (readonly [name: string, value: string])[];

async function readFields({ headers, body }: PublicRequest, query: string): Promise<Fields> {
  const contentType = headers['content-type'];
  const [mediaType = ''] = (contentType ?? '').split(';');
  const text = (await body(MAX_PARAMETER_BYTES)).toString('utf8');
  if (contentType === undefined || mediaType.trim() === 'application/x-www-form-urlencoded') {
    return [...new URLSearchParams(text), ...new URLSearchParams(query)];
  }
  if (mediaType.trim() !== 'application/json')
    throw new Refusal(400, `unsupported content type Ok(${JSON.stringify(contentType)})`);
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    throw new Refusal(400, 'unable to parse the JSON of the request body');
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new Refusal(400, 'the JSON of the request body is not an object');
  }
  return Object.entries(fields).map(([name, value]) => [name, String(value)]);
}
