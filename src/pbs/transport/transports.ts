import type { TransportName } from '../../model/transport.ts';
import { nodeHttp2ClientTransport } from '../node-http2/client-transport.ts';
import { h2ClientTransport } from '../h2/client-transport.ts';
import { h2ServerTransport } from '../h2/server-transport.ts';
import { nodeHttp2ServerTransport } from '../node-http2/server-transport.ts';
import type { ClientTransport, ServerTransport } from './transport.ts';

/** Both ends of each HTTP/2 implementation. */
export const transports: Readonly<
  Record<TransportName, { readonly client: ClientTransport; readonly server: ServerTransport }>
> = {
  h2: { client: h2ClientTransport, server: h2ServerTransport },
  'node:http2': { client: nodeHttp2ClientTransport, server: nodeHttp2ServerTransport },
};
