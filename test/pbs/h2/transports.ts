import { nodeHttp2ClientTransport } from '../../../src/pbs/client/node-http2-transport.ts';
import { nodeHttp2ServerTransport } from '../../../src/pbs/transport/node-http2-server.ts';
import type { ClientTransport, ServerTransport } from '../../../src/pbs/transport/transport.ts';

/** Every implementation of the serving end; tests run with each. */
export const serverTransports: readonly ServerTransport[] = [nodeHttp2ServerTransport];

/** Every implementation of the requesting end. */
export const clientTransports: readonly ClientTransport[] = [nodeHttp2ClientTransport];
