import { ServerError } from '../../model/errors.ts';
import { MAX_UPLOADED_BLOB_BYTES } from '../format/blob.ts';
import { responseTooLong } from '../transport/transport-errors.ts';
import type { ResponseHead } from '../transport/transport.ts';

/**
 * How long the answer to a request for a chunk will be.
 * @throws ServerError `response-malformed` where it does not say, `response-too-long` where no chunk is so long
 */
export function chunkLength({ contentLength }: ResponseHead, digest: string): number {
  if (contentLength === undefined) {
    throw new ServerError(`the server does not say how long chunk ${digest} is`, {
      code: 'response-malformed',
      hint: 'is there a proxy in between that compresses?',
    });
  }
  if (contentLength > MAX_UPLOADED_BLOB_BYTES) throw responseTooLong(`chunk ${digest}`, MAX_UPLOADED_BLOB_BYTES);
  return contentLength;
}
