import type { ClientTransport } from '../transport/transport.ts';
import { H2ClientConnection } from './client-connection.ts';
import { SocketPort } from './socket-port.ts';

/** The requesting end of the project's own HTTP/2. */
export const h2ClientTransport: ClientTransport = {
  name: 'h2',
  prepareSocket(receive) {
    const port = new SocketPort(receive);
    return { onread: port.onread, connect: (socket, options) => take(port, socket, options, true) };
  },
  connect: (socket, options) => take(new SocketPort(), socket, options, false),
};

function take(
  port: SocketPort,
  ...[socket, { head, settings }, isFed]: [...Parameters<ClientTransport['connect']>, isFed: boolean]
): H2ClientConnection {
  port.attach(socket, { isFed });
  const connection = new H2ClientConnection(port, settings);
  port.start(connection, head);
  return connection;
}
