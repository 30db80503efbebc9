import type { ServerTransport } from '../transport/transport.ts';
import { H2ServerConnection } from './server-connection.ts';
import { SocketPort } from './socket-port.ts';

/** The serving end of the project's own HTTP/2. */
export const h2ServerTransport: ServerTransport = {
  name: 'h2',
  accept(socket, handler, { head, settings }) {
    const port = new SocketPort();
    port.attach(socket, { isFed: false });
    const connection = new H2ServerConnection(port, handler, settings);
    port.start(connection, head);
    return connection;
  },
};
