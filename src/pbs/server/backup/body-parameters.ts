import type { ServerRequest } from '../../transport/transport.ts';
import { BodyTooLong } from '../../transport/body-too-long.ts';
import { readParameters, type ParameterRules } from '../parameters.ts';
import { Refusal } from '../refusal.ts';

/** Bodies with parameters must be shorter (spec 2.5). */
const MAX_BODY_BYTES = 512 * 1024;

/** Fields of a JSON body as they are, or those of a form merged with the query, all texts (spec 2.5). */
export type Fields = readonly (readonly [name: string, value: unknown])[];

/**
 * Reads what a request of a session says in its body, or in its query where that is a form or empty. To be called before
 * the handler waits for anything.
 * @throws Refusal 400
 */
export async function readFields({ headers, query, receiveBody }: ServerRequest): Promise<Fields> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  await receiveBody(() => (piece) => {
    bytes += piece.length;
    if (bytes >= MAX_BODY_BYTES) throw new BodyTooLong(MAX_BODY_BYTES);
    // The piece is somebody else's memory.
    pieces.push(Buffer.from(piece));
  }).catch((error: unknown) => {
    throw error instanceof BodyTooLong ? new Refusal(400, 'request body too large') : error;
  });
  const text = Buffer.concat(pieces).toString('utf8');
  const contentType = headers['content-type'];
  const mediaType = (contentType ?? '').split(';')[0]?.trim();
  if (contentType === undefined || mediaType === 'application/x-www-form-urlencoded')
    return [...new URLSearchParams(text), ...new URLSearchParams(query)];
  if (mediaType !== 'application/json')
    throw new Refusal(400, `unsupported content type Ok(${JSON.stringify(contentType)})`);
  return jsonFields(text);
}

/** {@link readFields} where every field is a text, a number or a truth value. */
export async function readBodyParameters(
  request: ServerRequest,
  rules: ParameterRules,
): Promise<ReadonlyMap<string, string>> {
  const fields = await readFields(request);
  return readParameters(
    fields.map(([name, value]) => [name, String(value)]),
    rules,
  );
}

function jsonFields(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal(400, 'unable to parse the JSON of the request body');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal(400, 'the JSON of the request body is not an object');
  return Object.entries(value);
}
