import { hash } from 'node:crypto';

import type { HeaderFields } from '../../transport/transport.ts';
import { percentDecoded } from '../percent-decoded.ts';
import { hasPrivilegesBelow, privilegesAt, userOf, type Accounts } from './accounts.ts';
import type { Privilege } from './roles.ts';
import { isSecret, type StoredSecret } from './stored-secret.ts';
import { Tickets, type Ticket } from './tickets.ts';

/** Preferred one first (spec 2.3). */
const cookieNames = ['__Host-PBSAuthCookie', 'PBSAuthCookie'] as const;

/** Whoever made a request, and what they may do. */
export interface Caller {
  /** User or API token, `bench@pbs` or `bench@pbs!ci`. */
  readonly authId: string;
  /** At a path of the ACL, given as its parts: `['datastore', 'tank']`. */
  privilegesAt(path: readonly string[]): ReadonlySet<Privilege>;
  /** Whether there is anything that they may do somewhere below a path. */
  hasPrivilegesBelow(path: readonly string[]): boolean;
}

/** Users, who log in for a ticket, and API tokens, which come with every request. */
export class Access {
  readonly #accounts: Accounts;
  readonly #tickets: Tickets = new Tickets();
  /** Digests of tokens with their right secrets, so that scrypt runs once for each; PBS remembers them, too. */
  readonly #provenTokens: Set<string> = new Set();

  constructor(accounts: Accounts) {
    this.#accounts = accounts;
  }

  /** A ticket for the right password or for a ticket of the user that is still valid; undefined otherwise. */
  async login(username: string, password: string): Promise<Ticket | undefined> {
    const user = this.#accounts.users.find(({ id }) => id === username);
    if (user === undefined) return undefined;
    const isRight =
      this.#tickets.userOf(password) === username ||
      (user.password !== undefined && (await isSecret(password, user.password)));
    return isRight ? this.#tickets.issue(username) : undefined;
  }

  /**
   * Whoever a valid ticket cookie, or else a valid API token, stands for; a cookie wins over a token. Anything but GET
   * needs the ticket's CSRF prevention token, too (spec 2.3).
   */
  async authenticate(
    method: string,
    { cookie, authorization, csrfpreventiontoken }: HeaderFields,
  ): Promise<Caller | undefined> {
    const ticket = cookie === undefined ? undefined : ticketOf(cookie);
    if (ticket !== undefined) {
      const user = this.#tickets.userOf(ticket);
      if (user === undefined) return undefined;
      if (method !== 'GET' && !this.#tickets.isCsrfTokenOf(user, csrfpreventiontoken ?? '')) return undefined;
      return this.#callerOf(user);
    }
    // The id is taken as it is, the secret is percent-decoded; `=` or exactly one space (observed, i).
    const [, id, secret = ''] = /^PBSAPIToken[= ]([^:]*):(.*)$/su.exec(authorization ?? '') ?? [];
    if (id === undefined || !(await this.#isToken(id, percentDecoded(secret)))) return undefined;
    return this.#callerOf(id);
  }

  async #isToken(id: string, secret: string): Promise<boolean> {
    const stored = this.#tokenSecret(id);
    if (stored === undefined) return false;
    const proof = hash('sha256', `${id}:${secret}`);
    if (this.#provenTokens.has(proof)) return true;
    const isRight = await isSecret(secret, stored);
    if (isRight) this.#provenTokens.add(proof);
    return isRight;
  }

  #tokenSecret(authId: string): StoredSecret | undefined {
    const user = userOf(authId);
    return this.#accounts.users.find(({ id }) => id === user)?.tokens.find(({ name }) => `${user}!${name}` === authId)
      ?.secret;
  }

  #callerOf(authId: string): Caller {
    return {
      authId,
      privilegesAt: (path) => privilegesAt(this.#accounts, authId, path),
      hasPrivilegesBelow: (path) => hasPrivilegesBelow(this.#accounts, authId, path),
    };
  }
}

/** PBS reads cookies strictly: a pair without `=` before the wanted one makes the header unusable (spec 2.3). */
function ticketOf(cookie: string): string | undefined {
  const values = new Map<string, string>();
  for (const pair of cookie.split(';')) {
    const equals = pair.indexOf('=');
    if (equals === -1) break;
    const name = pair.slice(0, equals).trim();
    if (!values.has(name)) values.set(name, percentDecoded(pair.slice(equals + 1).trim()));
  }
  for (const name of cookieNames) {
    const value = values.get(name);
    if (value !== undefined) return value;
  }
  return undefined;
}
