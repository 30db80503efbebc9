import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type OnReadOpts, type Socket } from 'node:net';

/** Both ends of a TCP connection; `near` reads through `onread` where given. */
export async function tcpPair(onread?: OnReadOpts): Promise<{ readonly near: Socket; readonly far: Socket }> {
  const server = createServer({ noDelay: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const near = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    noDelay: true,
    ...(onread === undefined ? {} : { onread }),
  });
  const [[far]] = await Promise.all([accepted, once(near, 'connect')]);
  server.close();
  return { near, far };
}
