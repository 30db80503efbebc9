import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import { monotonicNow } from '../../src/clock/monotonic.ts';

/** A listener on 127.0.0.1 that is given every connection and ends all of them with itself. */
export class TestServer implements AsyncDisposable {
  readonly #sockets: Set<Socket> = new Set();
  readonly #server: ReturnType<typeof createServer>;

  private constructor(onConnection: (socket: Socket) => void) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      onConnection(socket);
    });
  }

  static async listen(onConnection: (socket: Socket) => void): Promise<TestServer> {
    const server = new TestServer(onConnection);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

export async function connectTo(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect');
  socket.on('error', () => {});
  return socket;
}

/** Sends as much as the socket takes until it is destroyed. */
export function sendForEver(socket: Socket): void {
  const payload = Buffer.alloc(128 * 1024);
  const send = (): void => {
    while (!socket.destroyed && socket.write(payload));
  };
  socket.on('drain', send);
  socket.resume();
  send();
}

/** Resolves when the other end has ended the connection, by a FIN or a RST. */
export function connectionEnd(socket: Socket): Promise<void> {
  socket.resume();
  return new Promise((resolve) => {
    socket.once('end', resolve);
    socket.once('close', () => resolve());
  });
}

/** Everything that the other end sends until it ends. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Bytes per second that arrive over so many milliseconds, after the first 50. */
export async function receivedRate(socket: Socket, windowMs: number): Promise<number> {
  let bytes = 0;
  let openedMs = 0;
  const { promise, resolve } = Promise.withResolvers<number>();
  const beganMs = monotonicNow();
  socket.on('data', (chunk: Buffer) => {
    const nowMs = monotonicNow();
    if (openedMs === 0) {
      if (nowMs > beganMs + 50) openedMs = nowMs;
      return;
    }
    bytes += chunk.length;
    if (nowMs >= openedMs + windowMs) resolve((bytes / (nowMs - openedMs)) * 1000);
  });
  return await promise;
}

export async function roundTripsMs(socket: Socket, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const startedMs = monotonicNow();
    socket.write('ping');
    await once(socket, 'data');
    times.push(monotonicNow() - startedMs);
  }
  return times.toSorted((one, other) => one - other);
}

/** Wide bounds: other tests share the machine. A second bucket or a missing one would be a factor of two. */
export function assertRate(bytesPerSecond: number, asked: number): void {
  assert.ok(
    bytesPerSecond > 0.7 * asked && bytesPerSecond < 1.2 * asked,
    `${bytesPerSecond} bytes/s instead of ${asked}`,
  );
}
