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
  const count = (chunk: Buffer): void => {
    const nowMs = monotonicNow();
    if (openedMs === 0) {
      if (nowMs > beganMs + 50) openedMs = nowMs;
      return;
    }
    bytes += chunk.length;
    if (nowMs < openedMs + windowMs) return;
    socket.off('data', count);
    resolve((bytes / (nowMs - openedMs)) * 1000);
  };
  socket.on('data', count);
  const rate = await promise;
  // What arrives between two measurements belongs to none.
  socket.resume();
  return rate;
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

/** How often a machine that is busy with other tests may fall short before that counts. */
const ATTEMPTS = 8;

/**
 * Wide bounds: a second bucket or a missing one would be a factor of two. A rate above the bound is wrong at once; one
 * below it may be the machine's fault, so that it must be reached in one of several measurements.
 */
export async function assertRate(asked: number, measure: () => Promise<number>): Promise<void> {
  const measured: number[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const rate = await measure();
    measured.push(rate);
    assert.ok(rate < 1.5 * asked, `${rate} bytes/s instead of ${asked}`);
    if (rate > 0.7 * asked) return;
  }
  assert.fail(`${measured.join(', ')} bytes/s instead of ${asked}`);
}
