import { isIP, type OnReadOpts } from 'node:net';
import { connect, getCACertificates, type ConnectionOptions, type TLSSocket } from 'node:tls';

import { asMachineError, ServerError, systemErrorCode, UsageError } from '../../model/errors.ts';
import type { TlsCipher } from '../../model/transport.ts';
import { formatFingerprint } from '../format/fingerprint.ts';
import { formatHostAndPort } from './repository.ts';

export interface TlsConnectionOptions {
  readonly host: string;
  readonly port: number;
  /**
   * SHA-256 over the DER certificate: 32 hex pairs, joined with colons or not, in either case. It must match whoever
   * vouches for the certificate; without it, an authority that this system trusts must.
   */
  readonly fingerprint?: string;
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
 * Connects and checks the server's certificate before a byte is sent. No ALPN and, for an address, no SNI, as real
 * clients do (observed.md).
 * @throws UsageError `fingerprint`; ServerError `server-unreachable`, `tls-failed`, `fingerprint-mismatch`,
 * `certificate-untrusted`; the signal's reason when aborted
 */
export async function openTlsConnection(options: TlsConnectionOptions): Promise<TLSSocket> {
  const { host, port, fingerprint, signal, timeoutMs, cipher, onread } = options;
  signal.throwIfAborted();
  const pin = fingerprint === undefined ? undefined : parseFingerprint(fingerprint);
  const socketOptions: ConnectionOptions & { readonly onread?: OnReadOpts } = {
    host,
    port,
    // Checked below, where it can be told what was seen: PBS certificates are self-signed as a rule.
    rejectUnauthorized: false,
    ...(pin === undefined ? { ca: trustedAuthorities() } : {}),
    minVersion: 'TLSv1.2',
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(cipher === undefined ? {} : { ciphers: cipher, minVersion: 'TLSv1.3' }),
    ...(onread === undefined ? {} : { onread }),
  };
  const socket = connect(socketOptions).setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
  try {
    await secured(socket, options, timeoutMs, signal);
    if (pin === undefined) verifyTrust(socket, options);
    else verifyPin(socket, pin, options);
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
    const machineError = asMachineError(error, `connecting to ${formatHostAndPort({ host, port })}`);
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

/**
 * The authorities of this system, and those that `NODE_EXTRA_CA_CERTS` adds; not the list that comes with Node.js, since
 * the administrator of this machine says who is trusted here.
 */
function trustedAuthorities(): string[] {
  authorities ??= [...getCACertificates('system'), ...getCACertificates('extra')];
  return authorities;
}

let authorities: string[] | undefined;

/** Node.js has looked at the chain and the name; a certificate of nobody known is told with what was seen. */
function verifyTrust(socket: TLSSocket, { host, port }: TlsConnectionOptions): void {
  if (socket.authorized) return;
  const seen = formatFingerprint(socket.getPeerCertificate().fingerprint256);
  throw new ServerError(
    `no authority that this system trusts vouches for the certificate of ${formatHostAndPort({ host, port })} (${reasonOf(socket)}); its fingerprint is ${seen}`,
    {
      code: 'certificate-untrusted',
      hint: 'compare that with the fingerprint on the dashboard of the server itself; if it is the same, give it as --fingerprint or PBS_FINGERPRINT',
    },
  );
}

/** What OpenSSL and Node.js call it, in words. */
const distrust: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by itself',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it was issued for another name',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its authority is not known here',
};

function reasonOf({ authorizationError }: TLSSocket): string {
  // Typed as an Error; Node.js sets a code.
  const code = String(authorizationError);
  return distrust[code] ?? code;
}

function verifyPin(socket: TLSSocket, expected: string, { host, port }: TlsConnectionOptions): void {
  const seen = formatFingerprint(socket.getPeerCertificate().fingerprint256);
  if (expected === seen) return;
  throw new ServerError(
    `the certificate of ${formatHostAndPort({ host, port })} is not the expected one: expected fingerprint ${expected}, seen ${seen}`,
    {
      code: 'fingerprint-mismatch',
      hint: 'if the certificate was renewed, take the new fingerprint from the dashboard of the server itself',
    },
  );
}

/**
 * A fingerprint in the form that messages show: lower-case hex pairs joined with colons.
 * @throws UsageError `fingerprint`; the text is not quoted: it may be a password in the wrong variable
 */
export function parseFingerprint(text: string): string {
  const digits = text.trim().replaceAll(':', '');
  if (/^[0-9A-Fa-f]{64}$/u.test(digits)) return formatFingerprint(digits);
  throw new UsageError('the fingerprint is not one of a certificate', {
    code: 'fingerprint',
    hint: 'it is 32 pairs of hex digits joined with colons, as the dashboard of the server shows it',
  });
}

function unreachable(host: string, port: number, reason: string, cause: Error): ServerError {
  return new ServerError(`cannot connect to ${formatHostAndPort({ host, port })}: ${reason}`, {
    code: 'server-unreachable',
    hint: 'check address and port (8007 unless changed), and that the server runs',
    cause,
  });
}

function tlsFailed(host: string, port: number, reason: string, cause: Error): ServerError {
  return new ServerError(`no TLS connection to ${formatHostAndPort({ host, port })}: ${reason}`, {
    code: 'tls-failed',
    hint: 'is it a Proxmox Backup Server (not a plain HTTP port), and was it not stopped just now?',
    cause,
  });
}
