import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';
import { createServer, type Server, type TLSSocket } from 'node:tls';

import { loadCertificate, type ServerCertificate } from '../../../src/pbs/server/certificate.ts';
import type {
  Http2Settings,
  ServerConnection,
  ServerHandler,
  ServerRequest,
  ServerResponse,
  ServerTransport,
} from '../../../src/pbs/transport/transport.ts';

/** What the embedded server announces, with few enough streams for a test to exceed them. */
export const listenerSettings: Http2Settings = {
  initialWindowSize: 1024 * 1024,
  connectionWindowSize: 8 * 1024 * 1024,
  maxFrameSize: 16_384,
  maxConcurrentStreams: 100,
  maxHeaderListSize: 16_384,
};

/** More than h2load opens, and few enough to end one that runs away. */
const MAX_CONNECTIONS = 256;
const MAX_TARGET_LENGTH = 1024;

let certificate: Promise<ServerCertificate> | undefined;

/** Made once in a process: its key takes longer than all the rest of a test. */
async function makeCertificate(): Promise<ServerCertificate> {
  const folder = await mkdtemp(join(tmpdir(), 'h2-listener-'));
  const made = await loadCertificate(folder);
  await rm(folder, { recursive: true });
  return made;
}

export interface ListenerOptions {
  readonly transport: ServerTransport;
  readonly handler: ServerHandler;
  readonly settings?: Http2Settings;
}

/**
 * A TLS port on 127.0.0.1 that hands each socket to a transport at once: ALPN h2, no login, no upgrade and no allow list,
 * so that tools which know nothing of PBS can speak to the transport.
 */
export class H2Listener implements AsyncDisposable {
  readonly port: number;
  /** Of each connection, in the order of their coming. */
  readonly connections: ServerConnection[];
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Socket>;

  private constructor(server: Server, sockets: ReadonlySet<Socket>, connections: ServerConnection[]) {
    this.port = (server.address() as AddressInfo).port;
    this.connections = connections;
    this.#server = server;
    this.#sockets = sockets;
  }

  get openSockets(): number {
    return this.#sockets.size;
  }

  static async start({ transport, handler, settings = listenerSettings }: ListenerOptions): Promise<H2Listener> {
    const { key, cert } = await (certificate ??= makeCertificate());
    const sockets = new Set<Socket>();
    const connections: ServerConnection[] = [];
    const server = createServer({ key, cert, ALPNProtocols: ['h2'], noDelay: true });
    server.maxConnections = MAX_CONNECTIONS;
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      socket.on('error', () => {});
      connections.push(transport.accept(socket, handler, { settings }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new H2Listener(server, sockets, connections);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

const index: Uint8Array = Buffer.from('<!doctype html><title>restorelab</title><p>HTTP/2 test listener.</p>\n');

/** Files are kept in memory, so many at most: a load tester asks for the same ones over and over. */
const MOST_CACHED = 64;

/** Serves the files of a folder, and a small page at `/`; queries are ignored. */
export function staticFiles(folder: string | undefined): ServerHandler {
  const cache = new Map<string, Promise<Uint8Array>>();
  const read = async (path: string): Promise<Uint8Array> => {
    const cached = cache.get(path);
    if (cached !== undefined) return await cached;
    const bytes = readFile(path);
    if (cache.size < MOST_CACHED) cache.set(path, bytes);
    return await bytes;
  };
  return async ({ method, path }: ServerRequest) => {
    const isHead = method === 'HEAD';
    if (path === '/') return answer(200, index, isHead);
    const name = normalize(`/${path.slice(0, MAX_TARGET_LENGTH)}`);
    try {
      if (folder === undefined) throw new Error('no folder is served');
      return answer(200, await read(join(folder, name)), isHead);
    } catch {
      return answer(404, Buffer.from('not found\n'), isHead);
    }
  };
}

const answer = (status: number, body: Uint8Array, isHead: boolean): ServerResponse => ({
  status,
  headers: { 'content-length': String(body.length) },
  body: isHead ? new Uint8Array(0) : body,
});
