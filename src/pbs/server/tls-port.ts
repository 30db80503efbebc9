import { once } from 'node:events';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';

import { MachineError, systemErrorCode } from '../../model/errors.ts';
import type { ServerCertificate } from './certificate.ts';

const HANDSHAKE_TIMEOUT_MS = 10_000;

/** A real server sends TCP keep-alives after so long (spec 2.1). */
const KEEP_ALIVE_MS = 120_000;

/** First byte of a TLS handshake record, RFC 8446 section 5.1. */
const TLS_HANDSHAKE = 0x16;

/** More connections than any restore opens, and few enough for the usual limit of open files. */
const MAX_CONNECTIONS = 512;

export interface TlsPortOptions {
  /** A free port where absent or 0. */
  readonly port: number | undefined;
  readonly certificate: ServerCertificate;
  readonly onSecure: (socket: TLSSocket) => void;
  /** For connections that do not begin with a TLS handshake. */
  readonly onPlain: (socket: Socket) => void;
  /** Time for the first bytes, and again for the TLS handshake; default 10 s (spec 2.1). */
  readonly handshakeTimeoutMs?: number;
}

/** A port on 127.0.0.1 for TLS 1.2 and 1.3 without ALPN, which tells plain connections apart. */
export class TlsPort implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  readonly #closed: Promise<void>;

  private constructor(server: Server, sockets: Set<Socket>) {
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#sockets = sockets;
    this.#closed = new Promise((resolve) => server.once('close', () => resolve()));
  }

  /** @throws MachineError where the port is taken or may not be used */
  static async open({
    port = 0,
    certificate,
    onSecure,
    onPlain,
    handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS,
  }: TlsPortOptions): Promise<TlsPort> {
    const sockets = new Set<Socket>();
    const { key, cert } = certificate;
    const tls = createTlsServer({ key, cert, minVersion: 'TLSv1.2', handshakeTimeout: handshakeTimeoutMs });
    tls.on('secureConnection', (socket) => {
      // Who takes the socket over has listeners of its own; between two of them there must be one too.
      socket.on('error', () => {});
      onSecure(socket);
    });
    // After a failed handshake Node has destroyed the connection, after one that takes too long it has not.
    tls.on('tlsClientError', (_error, socket) => socket.destroy());
    const server = createTcpServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
    server.maxConnections = MAX_CONNECTIONS;
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.on('error', () => {});
      whenFirstByte(socket, handshakeTimeoutMs, (byte) => {
        if (byte === TLS_HANDSHAKE) tls.emit('connection', socket);
        else onPlain(socket);
      });
    });
    server.listen({ port, host: '127.0.0.1' });
    try {
      await once(server, 'listening');
    } catch (error) {
      throw new MachineError(`listening on 127.0.0.1:${port}: ${(error as Error).message}`, {
        code: `machine-${(systemErrorCode(error) ?? 'listen').toLowerCase()}`,
        hint: 'choose another port with --port; --port 0 takes one that is free',
        cause: error,
      });
    }
    return new TlsPort(server, sockets);
  }

  /** Takes no more connections; those that are open go on. */
  stopListening(): void {
    this.#server.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopListening();
    for (const socket of this.#sockets) socket.destroy();
    await this.#closed;
  }
}

/** Looks at the first byte and leaves it in the socket; a socket that sends none is closed. */
function whenFirstByte(socket: Socket, timeoutMs: number, use: (byte: number) => void): void {
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  socket.once('close', () => clearTimeout(timer));
  socket.once('end', () => socket.destroy());
  const look = (): void => {
    const bytes = socket.read() as Buffer | null;
    const [byte] = bytes ?? [];
    if (bytes === null || byte === undefined) return;
    clearTimeout(timer);
    socket.off('readable', look);
    socket.unshift(bytes);
    use(byte);
  };
  socket.on('readable', look);
}
