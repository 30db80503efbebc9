import { isIPv6 } from 'node:net';

import { UsageError } from '../../model/errors.ts';

/** Where a datastore is, as clients of PBS name it (spec 1.2). */
export interface Repository {
  /** A user, `root@pam`, or an API token, `bench@pbs!t1`. */
  readonly authId: string;
  /** Name or address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly store: string;
}

export const DEFAULT_AUTH_ID = 'root@pam';
export const DEFAULT_HOST = 'localhost';
export const DEFAULT_PORT = 8007;

const MAX_LENGTH = 256;

/** spec 1.1 */
const safeId = '[A-Za-z0-9_][A-Za-z0-9._-]*';
const authId = String.raw`[^\s:/\p{Cc}]+@${safeId}(?:!${safeId})?`;
const dnsLabel = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const host = String.raw`${dnsLabel}(?:\.${dnsLabel})*|\[[0-9A-Fa-f:.]+\]`;

const repositoryPattern = new RegExp(`^(?:(?:(${authId})@)?(${host}):)?(?:([0-9]{1,5}):)?(${safeId})$`, 'u');
const authIdPattern = new RegExp(`^${authId}$`, 'u');
const hostPattern = new RegExp(`^(?:${host})$`, 'u');
const storePattern = new RegExp(`^${safeId}$`, 'u');

/**
 * Reads `[[user@realm[!token]@]host:][port:]datastore`.
 * @throws UsageError `repository`. It does not quote the text: people put passwords there, as in a URL.
 */
export function parseRepository(text: string): Repository {
  if (text.length > MAX_LENGTH) throw malformed(`it is longer than ${MAX_LENGTH} characters`);
  if (text.includes('://')) throw malformed('it is written like a URL');
  const [, who = DEFAULT_AUTH_ID, where = DEFAULT_HOST, port, store = ''] = repositoryPattern.exec(text) ?? [];
  if (store === '') throw malformed('its parts are not where they should be');
  return repositoryOf({ authId: who, host: where, ...(port === undefined ? {} : { port }), store });
}

/** The parts of a repository as text; an IPv6 address with its brackets or without. */
export interface RepositoryParts {
  readonly authId?: string;
  readonly host?: string;
  readonly port?: string;
  readonly store: string;
}

/**
 * Puts a repository together; what is absent gets the default of PBS's own clients.
 * @throws UsageError `repository`
 */
export function repositoryOf({
  authId: who = DEFAULT_AUTH_ID,
  host: where = DEFAULT_HOST,
  port = String(DEFAULT_PORT),
  store,
}: RepositoryParts): Repository {
  if (!isAuthId(who)) throw malformed('its user is not one of the form user@realm or user@realm!token');
  const bare = /^\[(.*)\]$/u.exec(where)?.[1] ?? where;
  const isAddress = isIPv6(bare);
  if (!isAddress && (bare !== where || !hostPattern.test(where))) throw malformed('its host is no name and no address');
  const number = /^\d{1,5}$/u.test(port) ? Number(port) : 0;
  if (number < 1 || number > 65_535) throw malformed('its port is not one from 1 to 65535');
  if (!storePattern.test(store) || store.length < 3 || store.length > 32)
    throw malformed('its datastore is not a name of 3 to 32 letters, digits, dots, dashes or underscores');
  return { authId: who, host: bare, port: number, store };
}

/** Whether this names a user or an API token, of the lengths that PBS takes: short names of tokens are in use. */
function isAuthId(text: string): boolean {
  if (text.length < 3 || text.length > 64 || !authIdPattern.test(text)) return false;
  const [realm = '', token] = text.slice(text.lastIndexOf('@') + 1).split('!');
  return realm.length >= 2 && realm.length <= 32 && (token === undefined || token.length <= 64);
}

/** Whether an auth id is that of an API token, which has a secret instead of a password and never logs in. */
export const isApiToken = (who: string): boolean => who.slice(who.lastIndexOf('@') + 1).includes('!');

/** `host:port` as in a URL: IPv6 in brackets. */
export const formatHostAndPort = ({ host: where, port }: Pick<Repository, 'host' | 'port'>): string =>
  `${where.includes(':') ? `[${where}]` : where}:${port}`;

/** The whole form, which {@link parseRepository} reads back. */
export const formatRepository = (repository: Repository): string =>
  `${repository.authId}@${formatHostAndPort(repository)}:${repository.store}`;

const malformed = (what: string): UsageError =>
  new UsageError(`the repository cannot be read: ${what}`, {
    code: 'repository',
    hint: 'write it as [[user@realm[!token]@]host[:port]:]datastore, e.g. bench@pbs@10.0.0.5:8007:tank; a password does not belong there',
  });
