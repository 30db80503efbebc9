import type { ServerRequest } from '../../transport/transport.ts';
import { BodyTooLong } from '../../transport/body-too-long.ts';
import { asTexts, bodyFields, MAX_PARAMETER_BYTES, type BodyFields } from '../body-fields.ts';
import { readParameters, type ParameterRules } from '../parameters.ts';
import { Refusal } from '../refusal.ts';

/**
 * Reads what a request of a session says in its body, or in its query where that is a form or empty. To be called before
 * the handler waits for anything.
 * @throws Refusal 400
 */
export async function readFields({ headers, query, receiveBody }: ServerRequest): Promise<BodyFields> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  await receiveBody(() => (piece) => {
    bytes += piece.length;
    if (bytes >= MAX_PARAMETER_BYTES) throw new BodyTooLong(MAX_PARAMETER_BYTES);
    // The piece is somebody else's memory.
    pieces.push(Buffer.from(piece));
  }).catch((error: unknown) => {
    throw error instanceof BodyTooLong ? new Refusal(400, 'request body too large') : error;
  });
  return bodyFields(headers['content-type'], Buffer.concat(pieces), query);
}

/** {@link readFields} where every field is a text, a number or a truth value. */
export async function readBodyParameters(
  request: ServerRequest,
  rules: ParameterRules,
): Promise<ReadonlyMap<string, string>> {
  return readParameters(asTexts(await readFields(request)), rules);
}
