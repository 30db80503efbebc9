import type { TransportName } from '../../model/transport.ts';
import { nodeHttp2ClientTransport } from '../client/node-http2-transport.ts';
import { nodeHttp2ServerTransport } from './node-http2-server.ts';
import type { ClientTransport, ServerTransport } from './transport.ts';

/** Both ends of each HTTP/2 implementation. */
export const transports: Readonly<
  Record<TransportName, { readonly client: ClientTransport; readonly server: ServerTransport }>
> = {
  'node:http2': { client: nodeHttp2ClientTransport, server: nodeHttp2ServerTransport },
};
