import type { ClientTransport } from '../transport/transport.ts';
import { H2ClientConnection } from './client-connection.ts';
import { SocketPort } from './socket-port.ts';

/**
 * What a read from TLS brings at most: one record (RFC 8446 section 5.1). The buffer is used for every read and
 * stays in the processor's cache, from where each byte is copied once, to where it belongs.
 */
const READ_BYTES = 16 * 1024;

/** The requesting end of the project's own HTTP/2. */
export const h2ClientTransport: ClientTransport = {
  name: 'h2',
  prepareSocket(receive) {
    let port: SocketPort | undefined;
    return {
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (length, bytes) => {
          if (port === undefined) receive(bytes.subarray(0, length));
          else port.feed(bytes as Buffer, length);
          return true;
        },
      },
      connect(socket, { head, settings }) {
        port = new SocketPort(socket, { isFed: true });
        const connection = new H2ClientConnection(port, settings);
        port.start(connection, head);
        return connection;
      },
    };
  },
  connect(socket, { head, settings }) {
    const port = new SocketPort(socket, { isFed: false });
    const connection = new H2ClientConnection(port, settings);
    port.start(connection, head);
    return connection;
  },
};
