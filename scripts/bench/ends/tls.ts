import { once } from 'node:events';
import type { AddressInfo, OnReadOpts } from 'node:net';
import { connect, createServer, type ConnectionOptions, type TLSSocket } from 'node:tls';

import { loadCertificate } from '../../../src/pbs/server/certificate.ts';

/** What Node's client and a real server agree on; fixed, so that no kind has another. */
const protocol = { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_256_GCM_SHA384' } as const;

/** Listens on a free port of 127.0.0.1. */
export async function listenTls(certificateFolder: string, onSocket: (socket: TLSSocket) => void): Promise<number> {
  const { key, cert } = await loadCertificate(certificateFolder);
  const server = createServer({ ...protocol, key, cert, noDelay: true }, (socket) => {
    // A receiver that is done goes without a word.
    socket.on('error', () => {});
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

export async function connectTls(port: number, extra: { readonly onread?: OnReadOpts } = {}): Promise<TLSSocket> {
  const options: ConnectionOptions & { readonly onread?: OnReadOpts } = {
    ...protocol,
    host: '127.0.0.1',
    port,
    // A certificate of this run's own, on the loopback interface.
    rejectUnauthorized: false,
    ...(extra.onread === undefined ? {} : { onread: extra.onread }),
  };
  const socket = connect(options).setNoDelay(true);
  await once(socket, 'secureConnect');
  return socket;
}
