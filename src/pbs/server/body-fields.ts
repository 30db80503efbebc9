import { isJsonObject } from '../format/json-object.ts';
import { Refusal } from './refusal.ts';

/** Bodies of parameters must be shorter (spec 2.5). */
export const MAX_PARAMETER_BYTES: number = 512 * 1024;

/** Names and values as a client has sent them; those of a form and of a query are texts. */
export type BodyFields = readonly (readonly [name: string, value: unknown])[];

/**
 * What a request says in its body: the fields of JSON, where the query does not count, or of a form, which is merged with
 * the query (spec 2.5).
 * @throws Refusal 400
 */
export function bodyFields(contentType: string | undefined, body: Buffer, query: string): BodyFields {
  const text = body.toString('utf8');
  const mediaType = contentType?.split(';')[0]?.trim();
  if (mediaType === undefined || mediaType === 'application/x-www-form-urlencoded')
    return [...new URLSearchParams(text), ...new URLSearchParams(query)];
  if (mediaType !== 'application/json')
    throw new Refusal(400, `unsupported content type Ok(${JSON.stringify(contentType)})`);
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    throw new Refusal(400, 'unable to parse the JSON of the request body');
  }
  if (!isJsonObject(fields)) throw new Refusal(400, 'the JSON of the request body is not an object');
  return Object.entries(fields);
}

/** Of fields each of which is a text, a number or a truth value. */
export const asTexts = (fields: BodyFields): readonly (readonly [name: string, value: string])[] =>
  fields.map(([name, value]) => [name, String(value)]);
