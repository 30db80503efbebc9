import type { KnownError } from '../../model/errors.ts';
import { DEFAULT_TRANSPORT, pbsClientWindows, type TlsCipher } from '../../model/transport.ts';
import { formatSnapshotPath, type SnapshotPath } from '../format/snapshot-path.ts';
import type { ClientConnection, ClientTransport, Http2Settings } from '../transport/transport.ts';
import { transports } from '../transport/transports.ts';
import { Http1Connection } from './http1-connection.ts';
import type { Http1Response } from './http1-response.ts';
import { proveWith, USER_AGENT } from './log-in.ts';
import { snapshotParameters, sortedQuery } from './query.ts';
import type { RefusedRequest } from './refusal.ts';
import { formatHostAndPort } from './repository.ts';
import type { ServerOptions } from './server-options.ts';
import { defaultTimeouts } from './server-timeouts.ts';
import type { StallWatchOptions } from './stall-watch.ts';
import { negotiatedTls, openTlsConnection, type NegotiatedTls } from './tls-connection.ts';

export interface SessionOptions extends ServerOptions {
  readonly store: string;
  /** `a/b`; the root namespace where absent or empty. */
  readonly namespace?: string;
  /** Default {@link DEFAULT_TRANSPORT}. */
  readonly transport?: ClientTransport;
  /** What to announce; default what PBS's own client does. */
  readonly settings?: Http2Settings;
  /** The only TLS 1.3 suite to offer; OpenSSL's own offer where absent. */
  readonly tlsCipher?: TlsCipher;
}

/** Which of the two protocols, for which snapshot. */
export interface SessionUpgrade {
  readonly endpoint: 'reader' | 'backup';
  /** The value of `upgrade`. */
  readonly protocol: string;
  readonly snapshot: SnapshotPath;
  /** Beside those that name the snapshot. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** What is refused, if it is: see `RefusedRequest`. */
  readonly what: string;
  readonly code: string;
  readonly explain: (response: Http1Response, request: RefusedRequest) => KnownError;
}

/** A connection on which the server speaks HTTP/2 by now. */
export interface UpgradedSession {
  readonly connection: ClientConnection;
  readonly tls: NegotiatedTls;
  /** For the messages of later refusals. */
  readonly request: RefusedRequest;
  readonly socket: { readonly bytesRead: number; readonly bytesWritten: number };
  readonly watch: Pick<StallWatchOptions, 'place' | 'stallMs' | 'leastBytes'>;
}

const pbsClientSettings: Http2Settings = {
  initialWindowSize: pbsClientWindows.streamWindowBytes,
  connectionWindowSize: pbsClientWindows.connectionWindowBytes,
  maxFrameSize: pbsClientWindows.maxFrameBytes,
};

/**
 * Opens a session: TLS with a certificate that is checked, log-in where there is a password, and the upgrade on the same
 * connection (spec 3.1).
 * @throws those of `openTlsConnection` and `proveWith`, and what `explain` makes of a refusal; the signal's reason when
 * aborted
 */
export async function openSession(options: SessionOptions, upgrade: SessionUpgrade): Promise<UpgradedSession> {
  const { host, port, fingerprint, signal } = options;
  const { transport = transports[DEFAULT_TRANSPORT].client, settings = pbsClientSettings, tlsCipher } = options;
  const { connectMs, answerMs, stallMs, stallBytes } = { ...defaultTimeouts, ...options.timeouts };
  const place = formatHostAndPort(options);
  const http1 = new Http1Connection(place);
  const prepared = transport.prepareSocket?.(http1.receive);
  const socket = await openTlsConnection({
    host,
    port,
    signal,
    timeoutMs: connectMs,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(tlsCipher === undefined ? {} : { cipher: tlsCipher }),
    ...(prepared === undefined ? {} : { onread: prepared.onread }),
  });
  try {
    http1.attach(socket, { isFed: prepared !== undefined });
    const request = await upgradeConnection(http1, options, upgrade, answerMs);
    const connection = (prepared ?? transport).connect(socket, { head: http1.detach(), settings });
    const watch = { place, stallMs, leastBytes: stallBytes };
    return { connection, tls: negotiatedTls(socket), request, socket, watch };
  } catch (error) {
    http1.detach();
    // Errors that follow the first one have nobody left to tell.
    socket.on('error', () => {});
    socket.destroy();
    throw error;
  }
}

async function upgradeConnection(
  http1: Http1Connection,
  { credentials, store, namespace = '', signal }: SessionOptions,
  { endpoint, protocol, snapshot, parameters = {}, what, code, explain }: SessionUpgrade,
  timeoutMs: number,
): Promise<RefusedRequest> {
  const limits = { signal, timeoutMs };
  const proof = await proveWith(http1, credentials, limits);
  const query = sortedQuery({ ...parameters, ...snapshotParameters(snapshot, namespace), store });
  const response = await http1.exchange(
    {
      method: 'GET',
      // Two slashes: what every real client sends (observed.md, 1).
      path: `//api2/json/${endpoint}?${query}`,
      headers: {
        'user-agent': USER_AGENT,
        'content-type': 'application/x-www-form-urlencoded',
        ...proof.headers,
        connection: 'upgrade',
        upgrade: protocol,
      },
    },
    limits,
  );
  const request: RefusedRequest = {
    what,
    authId: credentials.authId,
    store,
    namespace,
    snapshot: formatSnapshotPath(snapshot),
    secrets: [credentials.secret, ...proof.secrets],
    code,
  };
  if (response.status !== 101) throw explain(response, request);
  return request;
}
