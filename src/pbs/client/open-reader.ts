import { formatSnapshotPath, type SnapshotPath } from '../format/snapshot-path.ts';
import type { Credentials } from './credentials.ts';
import type { ExchangeLimits, Http1Connection } from './http1-connection.ts';
import { proveWith, USER_AGENT } from './log-in.ts';
import { placeText, refusalError } from './refusal.ts';

/** Which snapshot of which datastore a session reads. */
export interface ReaderPlace {
  readonly store: string;
  /** `a/b`; the root namespace where absent or empty. */
  readonly namespace?: string;
  readonly snapshot: SnapshotPath;
}

/**
 * Turns the connection into a reader session (spec 3.1): with a password two requests on the same TLS connection, with an
 * API token one, after which the server speaks HTTP/2 there.
 * @throws ServerError `authentication-failed`, `permission-denied`, `locked`, `maintenance`, `server-too-old`,
 * `upgrade-refused`, `response-malformed`; UsageError `snapshot-not-found`, `datastore-not-found`
 */
export async function openReader(
  http1: Http1Connection,
  credentials: Credentials,
  place: ReaderPlace,
  limits: ExchangeLimits,
): Promise<void> {
  const proof = await proveWith(http1, credentials, limits);
  const response = await http1.exchange(
    {
      method: 'GET',
      // Two slashes: what every real client sends (observed.md, 1).
      path: `//api2/json/reader?${readerQuery(place)}`,
      headers: {
        'user-agent': USER_AGENT,
        'content-type': 'application/x-www-form-urlencoded',
        ...proof.headers,
        connection: 'upgrade',
        upgrade: 'proxmox-backup-reader-protocol-v1',
      },
    },
    limits,
  );
  if (response.status === 101) return;
  const { store, namespace = '' } = place;
  const snapshot = formatSnapshotPath(place.snapshot);
  throw refusalError(response, {
    what: `reading ${snapshot} in ${placeText(store, namespace)}`,
    authId: credentials.authId,
    store,
    namespace,
    snapshot,
    secrets: [credentials.secret, ...proof.secrets],
    code: 'upgrade-refused',
  });
}

/** In alphabetical order, as real clients send them; a namespace only where it is not the root. */
function readerQuery({ store, namespace = '', snapshot: { type, id, time } }: ReaderPlace): string {
  return new URLSearchParams({
    'backup-id': id,
    'backup-time': String(time),
    'backup-type': type,
    ...(namespace === '' ? {} : { ns: namespace }),
    store,
  }).toString();
}
