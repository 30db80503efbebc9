import { DEFAULT_TRANSPORT, pbsClientWindows } from '../../model/transport.ts';
import { formatSnapshotPath, type SnapshotPath } from '../format/snapshot-path.ts';
import type { ClientTransport } from '../transport/transport.ts';
import { transports } from '../transport/transports.ts';
import { backupRefused } from './backup-refusal.ts';
import { BackupSession } from './backup-session.ts';
import { Http1Connection } from './http1-connection.ts';
import { proveWith, USER_AGENT } from './log-in.ts';
import { defaultTimeouts } from './reader-timeouts.ts';
import { placeText, type RefusedRequest } from './refusal.ts';
import { formatHostAndPort } from './repository.ts';
import type { ServerOptions } from './server-options.ts';
import { openTlsConnection } from './tls-connection.ts';

export interface BackupOptions extends ServerOptions {
  readonly store: string;
  /** `a/b`; the root namespace where absent or empty. */
  readonly namespace?: string;
  /** To be made: newer than every other of its group. */
  readonly snapshot: SnapshotPath;
  /** Default {@link DEFAULT_TRANSPORT}. */
  readonly transport?: ClientTransport;
}

/**
 * Opens a backup session: TLS with a certificate that is checked, login, upgrade to HTTP/2 (spec 3.1 and 5.1). The server keeps
 * every other writer out of the group until it ends.
 * @throws those of `openTlsConnection` and `proveWith`, and what {@link backupRefused} makes of a refusal; the signal's reason
 * when aborted
 */
export async function connectBackup(options: BackupOptions): Promise<BackupSession> {
  const { host, port, fingerprint, credentials, store, namespace = '', snapshot, clock, signal } = options;
  const { transport = transports[DEFAULT_TRANSPORT].client } = options;
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
    ...(prepared === undefined ? {} : { onread: prepared.onread }),
  });
  try {
    http1.attach(socket, { isFed: prepared !== undefined });
    const limits = { signal, timeoutMs: answerMs };
    const proof = await proveWith(http1, credentials, limits);
    const response = await http1.exchange(
      {
        method: 'GET',
        // Two slashes: what every real client sends (observed.md, 1).
        path: `//api2/json/backup?${upgradeQuery(options)}`,
        headers: {
          'user-agent': USER_AGENT,
          'content-type': 'application/x-www-form-urlencoded',
          ...proof.headers,
          connection: 'upgrade',
          upgrade: 'proxmox-backup-protocol-v1',
        },
      },
      limits,
    );
    const request: RefusedRequest = {
      what: `backing up ${formatSnapshotPath(snapshot)} to ${placeText(store, namespace)}`,
      authId: credentials.authId,
      store,
      namespace,
      snapshot: formatSnapshotPath(snapshot),
      secrets: [credentials.secret, ...proof.secrets],
      code: 'backup-refused',
    };
    if (response.status !== 101) throw backupRefused(response, request);
    const settings = {
      initialWindowSize: pbsClientWindows.streamWindowBytes,
      connectionWindowSize: pbsClientWindows.connectionWindowBytes,
      maxFrameSize: pbsClientWindows.maxFrameBytes,
    };
    const connection = (prepared ?? transport).connect(socket, { head: http1.detach(), settings });
    // What leaves counts as well: while a large chunk goes out over a slow line nothing comes in.
    const receivedBytes = (): number => socket.bytesRead + socket.bytesWritten;
    return new BackupSession(connection, {
      clock,
      request,
      watch: { place, stallMs, leastBytes: stallBytes, receivedBytes },
    });
  } catch (error) {
    http1.detach();
    // Errors that follow the first one have nobody left to tell.
    socket.on('error', () => {});
    socket.destroy();
    throw error;
  }
}

/** In alphabetical order, as real clients send them; a namespace only where it is not the root. */
function upgradeQuery({ store, namespace = '', snapshot: { type, id, time } }: BackupOptions): string {
  return new URLSearchParams({
    'backup-id': id,
    'backup-time': String(time),
    'backup-type': type,
    benchmark: 'false',
    debug: 'false',
    ...(namespace === '' ? {} : { ns: namespace }),
    store,
  }).toString();
}
