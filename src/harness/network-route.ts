import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';

import { metric, unavailable } from '../model/metric.ts';
import type { NetworkRoute } from '../model/records.ts';

/**
 * Through which interface of this machine a host is reached, and how fast that says it is. Sends nothing: a datagram socket
 * is only told where its packets would go. Never rejects.
 */
export async function networkRoute(host: string, port: number): Promise<NetworkRoute> {
  try {
    const address = await localAddress(host, port);
    const [name] =
      Object.entries(networkInterfaces()).find(([, addresses]) => addresses?.some((one) => one.address === address)) ??
      [];
    if (name === undefined) return { speedBytesPerSecond: unavailable('unknown: no interface has the local address') };
    return { interface: name, speedBytesPerSecond: await interfaceSpeed(name) };
  } catch (error) {
    return { speedBytesPerSecond: unavailable(`unknown: ${(error as Error).message}`) };
  }
}

async function localAddress(host: string, port: number): Promise<string> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.connect(port, host);
    await once(socket, 'connect');
    return socket.address().address;
  } finally {
    socket.close();
  }
}

async function interfaceSpeed(name: string): Promise<NetworkRoute['speedBytesPerSecond']> {
  const text = await readFile(`/sys/class/net/${name}/speed`, 'utf8').catch(() => '');
  // In Mbit/s; -1 where there is no link, and virtual interfaces have none.
  const speed = Number(text.trim());
  return text.trim() !== '' && speed > 0
    ? metric((speed * 1e6) / 8)
    : unavailable(`unsupported: the interface ${name} tells no speed`);
}
