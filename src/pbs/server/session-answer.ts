import type { ServerResponse } from '../transport/transport.ts';
import { JSON_TYPE } from './public-request.ts';

export const BYTES_TYPE = 'application/octet-stream';

/** An answer inside of a session, with its header fields in the order of a real server. */
export function answer(status: number, body: Uint8Array, contentType?: string): ServerResponse {
  return {
    status,
    headers: {
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
      date: httpDate(),
      'content-length': String(body.length),
    },
    body,
  };
}

/** `{"data": ...}` */
export const dataAnswer = (data: unknown): ServerResponse =>
  answer(200, Buffer.from(JSON.stringify({ data })), JSON_TYPE);

/** A file, whose length a real server does not announce. */
export const fileAnswer = (body: AsyncIterable<Uint8Array>): ServerResponse => ({
  status: 200,
  headers: { 'content-type': BYTES_TYPE, date: httpDate() },
  body,
});

const httpDate = (): string => new Date().toUTCString();
