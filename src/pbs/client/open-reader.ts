import { ServerError, UsageError, type KnownError } from '../../model/errors.ts';
import { formatSnapshotPath, type SnapshotPath } from '../format/snapshot-path.ts';
import type { Http1Connection, Http1Response } from './http1-connection.ts';
import { quoteServer } from './server-text.ts';

export interface Credentials {
  /** `root@pam` */
  readonly userId: string;
  readonly password: string;
}

/** Which snapshot of which datastore a session reads. */
export interface ReaderPlace {
  readonly store: string;
  /** `a/b`; the root namespace where absent or empty. */
  readonly namespace?: string;
  readonly snapshot: SnapshotPath;
}

export interface ExchangeLimits {
  readonly signal: AbortSignal;
  /** From a request until its response. */
  readonly timeoutMs: number;
}

/** What login hands to later requests; secret. */
interface Ticket {
  readonly ticket: string;
  readonly csrfToken: string;
}

const USER_AGENT = 'restorelab';

/**
 * Logs in with a password and turns the connection into a reader session (spec 2.3 and 3.1): two requests on the same
 * TLS connection, after which the server speaks HTTP/2 there.
 * @throws ServerError `authentication-failed`, `permission-denied`, `upgrade-refused`, `response-malformed`; UsageError
 * `snapshot-not-found`, `datastore-not-found`
 */
export async function openReader(
  http1: Http1Connection,
  credentials: Credentials,
  place: ReaderPlace,
  limits: ExchangeLimits,
): Promise<void> {
  const ticket = await login(http1, credentials, limits);
  const response = await http1.exchange(
    {
      method: 'GET',
      // Two slashes: what every real client sends (observed.md, 1).
      path: `//api2/json/reader?${readerQuery(place)}`,
      headers: {
        'user-agent': USER_AGENT,
        'content-type': 'application/x-www-form-urlencoded',
        cookie: `PBSAuthCookie=${encodeCookie(ticket.ticket)}`,
        csrfpreventiontoken: ticket.csrfToken,
        connection: 'upgrade',
        upgrade: 'proxmox-backup-reader-protocol-v1',
      },
    },
    limits,
  );
  if (response.status === 101) return;
  throw refusal(response, place, [credentials.password, ticket.ticket, ticket.csrfToken]);
}

async function login(
  http1: Http1Connection,
  { userId, password }: Credentials,
  limits: ExchangeLimits,
): Promise<Ticket> {
  const response = await http1.exchange(
    {
      method: 'POST',
      path: '//api2/json/access/ticket',
      headers: { 'user-agent': USER_AGENT, 'content-type': 'application/json' },
      body: JSON.stringify({ password, username: userId }),
    },
    limits,
  );
  if (response.status !== 200) {
    const quoted = quoteServer(response.body, [password]);
    if (response.status === 401) throw authenticationFailed(userId, quoted);
    throw new ServerError(`the server refused the login of ${userId} with status ${response.status}: ${quoted}`, {
      code: 'login-refused',
    });
  }
  const { ticket, csrfToken } = parseTicket(response.body);
  // spec 2.3: a ticket that still wants a second factor opens nothing.
  if (ticket.startsWith('PBS:!tfa!')) throw authenticationFailed(userId, 'a second factor is needed');
  return { ticket, csrfToken };
}

function parseTicket(body: Buffer): Ticket {
  try {
    const { data } = JSON.parse(body.toString('utf8')) as { data?: Record<string, unknown> };
    const { ticket, CSRFPreventionToken: csrfToken } = data ?? {};
    // The token goes into a header as it is.
    if (typeof ticket === 'string' && typeof csrfToken === 'string' && /^[\x21-\x7e]+$/u.test(csrfToken)) {
      return { ticket, csrfToken };
    }
  } catch {
    // Told below, without the text: it may hold the ticket.
  }
  throw new ServerError('the answer to the login holds no ticket', {
    code: 'response-malformed',
    hint: 'is this a Proxmox Backup Server?',
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

/** spec 2.3: what PBS's own clients escape in the cookie. */
function encodeCookie(ticket: string): string {
  return ticket.replaceAll(/[^\x21-\x7e]|["#<>`?{};,]/gu, encodeURIComponent);
}

function refusal(
  { status, body }: Http1Response,
  { store, namespace, snapshot }: ReaderPlace,
  secrets: readonly string[],
): KnownError {
  const quoted = quoteServer(body, secrets);
  const path = formatSnapshotPath(snapshot);
  const where = namespace === undefined || namespace === '' ? store : `${store}, namespace ${namespace}`;
  if (/snapshot .* does not exist/u.test(quoted)) {
    return new UsageError(`there is no snapshot ${path} in datastore ${where}`, {
      code: 'snapshot-not-found',
      hint: 'list the snapshots of the datastore and name one of them',
    });
  }
  if (quoted.startsWith('no such datastore')) {
    return new UsageError(`the server has no datastore ${store}`, { code: 'datastore-not-found' });
  }
  if (status === 401) return authenticationFailed('the ticket', quoted);
  if (status === 403 || quoted.includes('permission check failed')) {
    return new ServerError(`the server denies reading ${path} in datastore ${where}: ${quoted}`, {
      code: 'permission-denied',
      hint: 'the role DatastoreReader on the datastore is enough',
    });
  }
  return new ServerError(`the server refuses to open ${path} in datastore ${where} (status ${status}): ${quoted}`, {
    code: 'upgrade-refused',
    hint: 'the snapshot may be locked by a running backup, or the datastore be in maintenance',
  });
}

function authenticationFailed(who: string, reason: string): ServerError {
  return new ServerError(`the server does not accept ${who}: ${reason}`, {
    code: 'authentication-failed',
    hint: 'check user (with its realm, as in root@pam) and password',
  });
}
