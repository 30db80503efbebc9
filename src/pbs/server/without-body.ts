import type { ServerHandler } from '../transport/transport.ts';

/** Answers to HEAD end with their header fields (RFC 9110, section 9.3.2); a client takes any body for an error. */
export const withoutBodyOfHead =
  (handle: ServerHandler): ServerHandler =>
  async (request) => {
    const response = await handle(request);
    return request.method === 'HEAD' ? { ...response, body: new Uint8Array() } : response;
  };
