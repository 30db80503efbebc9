import { performServerHandshake } from 'node:http2';
import type { TLSSocket } from 'node:tls';

/** Megabytes; Node's default of 10 refuses streams with ENHANCE_YOUR_CALM. */
const MAX_SESSION_MEGABYTES = 4096;

/** `node:http2` as its documentation shows it: every stream answers at once, with its chunk in one piece. */
export function servePlainNodeHttp2(socket: TLSSocket, pool: readonly Uint8Array[]): void {
  const session = performServerHandshake(socket, { maxSessionMemory: MAX_SESSION_MEGABYTES });
  session.on('error', () => {});
  session.on('stream', (stream, { ':path': path = '' }) => {
    stream.on('error', () => {});
    const body = pool[Number(path.slice(path.indexOf('=') + 1)) % pool.length] ?? new Uint8Array();
    stream.respond({
      ':status': 200,
      'content-type': 'application/octet-stream',
      'content-length': String(body.length),
    });
    stream.end(body);
  });
}
