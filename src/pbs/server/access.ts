import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto';

import type { HeaderFields } from '../transport/transport.ts';

/** Lifetime of a ticket, and how far ahead of ours its maker's clock may be (spec 2.3). */
const TICKET_LIFETIME_SECONDS = 7200;
const CLOCK_TOLERANCE_SECONDS = 300;

/** Preferred one first (spec 2.3). */
const cookieNames = ['__Host-PBSAuthCookie', 'PBSAuthCookie'] as const;

export interface Ticket {
  readonly CSRFPreventionToken: string;
  readonly ticket: string;
  readonly username: string;
}

/**
 * The one account of the embedded server: a user (`root@pam`) who logs in for a ticket, or, where the id has a `!`, an
 * API token (`root@pam!bench`) that comes with every request.
 */
export class Access {
  readonly #userId: string;
  readonly #secret: string;
  readonly #ticketKey: Buffer = randomBytes(32);

  constructor({ userId, secret }: { readonly userId: string; readonly secret: string }) {
    this.#userId = userId;
    this.#secret = secret;
  }

  /** A ticket for the right password or for a ticket that is still valid; undefined otherwise. */
  login(username: string, password: string): Ticket | undefined {
    const isKnown = isSame(username, this.#userId) && !this.#isToken;
    const isRight = isSame(password, this.#secret) || this.#isValidTicket(password);
    if (!isKnown || !isRight) return undefined;
    const time = hexTime(nowSeconds());
    const text = `PBS:${username.replaceAll(':', '%3A')}:${time}`;
    return {
      CSRFPreventionToken: `${time}:${this.#sign(`csrf:${time}:${username}`)}`,
      ticket: `${text}::${this.#sign(text)}`,
      username,
    };
  }

  /** Whether a request carries a valid ticket cookie, or else a valid API token. A cookie wins over a token. */
  isAuthenticated({ cookie, authorization }: HeaderFields): boolean {
    const ticket = cookie === undefined ? undefined : ticketOf(cookie);
    if (ticket !== undefined) return this.#isValidTicket(ticket);
    // The id is taken as it is, the secret is percent-decoded; `=` or exactly one space (observed, i).
    const [, id = '', secret = ''] = /^PBSAPIToken[= ]([^:]*):(.*)$/su.exec(authorization ?? '') ?? [];
    return this.#isToken && isSame(id, this.#userId) && isSame(percentDecoded(secret), this.#secret);
  }

  get #isToken(): boolean {
    return this.#userId.includes('!');
  }

  #isValidTicket(ticket: string): boolean {
    const [, text = '', time = '', signature = ''] = /^(PBS:[^:]*:([0-9A-F]{8}))::(.*)$/su.exec(ticket) ?? [];
    if (!isSame(signature, this.#sign(text))) return false;
    const ageSeconds = nowSeconds() - Number.parseInt(time, 16);
    return ageSeconds >= -CLOCK_TOLERANCE_SECONDS && ageSeconds <= TICKET_LIFETIME_SECONDS;
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#ticketKey).update(text).digest('base64').replaceAll('=', '');
  }
}

/** Compared as digests, so that neither length nor common start of the right text shows in the time it takes. */
const isSame = (left: string, right: string): boolean =>
  timingSafeEqual(hash('sha256', left, 'buffer'), hash('sha256', right, 'buffer'));

const nowSeconds = (): number => Math.floor(Date.now() / 1000);
const hexTime = (seconds: number): string => seconds.toString(16).toUpperCase().padStart(8, '0');

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

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
