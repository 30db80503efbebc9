import type { TLSSocket } from 'node:tls';

import { h2ServerTransport } from '../../../src/pbs/h2/server-transport.ts';
import { nodeHttp2ServerTransport } from '../../../src/pbs/node-http2/server-transport.ts';
import { sessionSettings } from '../../../src/pbs/server/session-settings.ts';
import type { ServerTransport } from '../../../src/pbs/transport/transport.ts';

/** The product's own transport, through the interface that the embedded server uses. */
export const serveOurs = (socket: TLSSocket, pool: readonly Uint8Array[]): void =>
  serve(h2ServerTransport, socket, pool);

/** `node:http2` as the product's other transport uses it: slices, and two bodies at a time. */
export const serveTwoAtOnce = (socket: TLSSocket, pool: readonly Uint8Array[]): void =>
  serve(nodeHttp2ServerTransport, socket, pool);

function serve(transport: ServerTransport, socket: TLSSocket, pool: readonly Uint8Array[]): void {
  transport.accept(
    socket,
    async ({ query }) => {
      const body = pool[Number(query.slice(query.indexOf('=') + 1)) % pool.length] ?? new Uint8Array();
      return {
        status: 200,
        headers: { 'content-type': 'application/octet-stream', 'content-length': String(body.length) },
        body,
      };
    },
    { settings: sessionSettings },
  );
}
