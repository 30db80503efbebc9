import { isIP, type OnReadOpts } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

import { asMachineError, ServerError, systemErrorCode } from '../../model/errors.ts';
import type { TlsCipher } from '../../model/transport.ts';

export interface TlsConnectionOptions {
  readonly host: string;
  readonly port: number;
  /** SHA-256 over the DER certificate: 32 hex pairs, joined with colons or not, in either case. */
  readonly fingerprint: string;
  readonly signal: AbortSignal;
  /** From the first packet to the end of the TLS handshake. */
  readonly timeoutMs: number;
  /** The only TLS 1.3 suite to offer, which rules out TLS 1.2; OpenSSL's own offer where absent. */
  readonly cipher?: TlsCipher;
  /** Reads into this instead of emitting `data`. */
  readonly onread?: OnReadOpts;
}

/** As long as PBS's own client (spec 2.1). */
const KEEP_ALIVE_MS = 120_000;

/**
 * Connects and checks the server's certificate against the pin before a byte is sent. No ALPN and, for an address, no
 * SNI, as real clients do (observed.md).
 * @throws ServerError `server-unreachable`, `tls-failed`, `fingerprint-mismatch`; the signal's reason when aborted
 */
export async function openTlsConnection(options: TlsConnectionOptions): Promise<TLSSocket> {
  const { host, port, signal, timeoutMs, cipher, onread } = options;
  signal.throwIfAborted();
  const socketOptions: ConnectionOptions & { readonly onread?: OnReadOpts } = {
    host,
    port,
    // The pin is the check: PBS certificates are self-signed as a rule.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(cipher === undefined ? {} : { ciphers: cipher, minVersion: 'TLSv1.3' }),
    ...(onread === undefined ? {} : { onread }),
  };
  const socket = connect(socketOptions).setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
  try {
    await secured(socket, options, timeoutMs, signal);
    verifyPin(socket, options);
    return socket;
  } catch (error) {
    // Errors that follow the first one have nobody left to tell.
    socket.on('error', () => {});
    socket.destroy();
    throw error;
  }
}

/** What TLS agreed on. */
export interface NegotiatedTls {
  /** `TLSv1.3` */
  readonly protocol: string;
  /** IANA name: `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string;
}

/** Of a socket whose handshake is done. */
export function negotiatedTls(socket: TLSSocket): NegotiatedTls {
  return { protocol: socket.getProtocol() ?? 'unknown', cipher: socket.getCipher().standardName };
}

async function secured(
  socket: TLSSocket,
  { host, port }: TlsConnectionOptions,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let isConnected = false;
  const connected = (): void => {
    isConnected = true;
  };
  const fail = (error: Error): void => {
    const machineError = asMachineError(error, `connecting to ${host}:${port}`);
    if (systemErrorCode(error) !== 'EACCES' && machineError !== error) reject(machineError);
    else if (isConnected) reject(tlsFailed(host, port, error.message, error));
    else reject(unreachable(host, port, error.message, error));
  };
  const closed = (): void => fail(new Error('the server closed the connection'));
  const abort = (): void => reject(signal.reason as Error);
  const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  socket.once('connect', connected).once('secureConnect', resolve).once('error', fail).once('close', closed);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    socket.off('connect', connected).off('secureConnect', resolve).off('error', fail).off('close', closed);
  }
}

function verifyPin(socket: TLSSocket, { host, port, fingerprint }: TlsConnectionOptions): void {
  const expected = pairs(fingerprint);
  const seen = pairs(socket.getPeerCertificate().fingerprint256);
  if (expected === seen) return;
  throw new ServerError(
    `the certificate of ${host}:${port} is not the expected one: expected fingerprint ${expected}, seen ${seen}`,
    {
      code: 'fingerprint-mismatch',
      hint: 'if the certificate was renewed, take the new fingerprint from the dashboard of the server itself',
    },
  );
}

/** Lower-case hex pairs joined with colons. */
function pairs(fingerprint: string): string {
  const digits = fingerprint.toLowerCase().replaceAll(':', '');
  return digits.match(/../gu)?.join(':') ?? digits;
}

function unreachable(host: string, port: number, reason: string, cause: Error): ServerError {
  return new ServerError(`cannot connect to ${host}:${port}: ${reason}`, {
    code: 'server-unreachable',
    hint: 'check address and port (8007 unless changed), and that the server runs',
    cause,
  });
}

function tlsFailed(host: string, port: number, reason: string, cause: Error): ServerError {
  return new ServerError(`no TLS connection to ${host}:${port}: ${reason}`, {
    code: 'tls-failed',
    hint: 'is this a Proxmox Backup Server, and not a plain HTTP port?',
    cause,
  });
}
