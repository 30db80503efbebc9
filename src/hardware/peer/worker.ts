import type { TLSSocket } from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';

import { DEFAULT_CHUNK_SIZE } from '../../model/units.ts';
import type { ServerCertificate } from '../../pbs/server/certificate.ts';
import { TlsPort } from '../../pbs/server/tls-port.ts';
import { peerTasks } from './control.ts';

const chunk = Buffer.alloc(DEFAULT_CHUNK_SIZE, 1);

/** Serves one connection after its first byte, as fast as the other end takes or gives bytes. */
function serve(socket: TLSSocket): void {
  socket.once('data', (first: Buffer) => {
    if (first.toString('latin1') === peerTasks.send) keepSending(socket);
    else socket.on('data', () => {});
  });
}

function keepSending(socket: TLSSocket): void {
  const send = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', send);
  send();
}

if (parentPort !== null) {
  const port = await TlsPort.open({
    port: undefined,
    certificate: workerData as ServerCertificate,
    onSecure: serve,
    onPlain: (socket) => socket.destroy(),
  });
  parentPort.postMessage(port.port);
}
