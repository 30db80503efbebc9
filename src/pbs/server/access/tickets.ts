import { createHmac, randomBytes } from 'node:crypto';

import { isSameText } from './stored-secret.ts';

/** Lifetime of a ticket, and how far ahead of ours its maker's clock may be (spec 2.3). */
const TICKET_LIFETIME_SECONDS = 7200;
const CLOCK_TOLERANCE_SECONDS = 300;

export interface Ticket {
  readonly CSRFPreventionToken: string;
  readonly ticket: string;
  readonly username: string;
}

/** Gives out tickets and knows its own again; they are worth nothing after a restart. */
export class Tickets {
  readonly #key: Buffer = randomBytes(32);

  issue(username: string): Ticket {
    const time = hexTime(nowSeconds());
    const text = `PBS:${username.replaceAll(':', '%3A')}:${time}`;
    return {
      CSRFPreventionToken: `${time}:${this.#sign(`csrf:${time}:${username}`)}`,
      ticket: `${text}::${this.#sign(text)}`,
      username,
    };
  }

  /** The user of a ticket that is ours and still valid. */
  userOf(ticket: string): string | undefined {
    const [, text = '', user = '', time = '', signature = ''] =
      /^(PBS:([^:]*):([0-9A-F]{8}))::(.*)$/su.exec(ticket) ?? [];
    if (!isSameText(signature, this.#sign(text)) || !isFresh(time)) return undefined;
    return user.replaceAll('%3A', ':');
  }

  /** Whether a CSRF prevention token was given to this user, and not too long ago. */
  isCsrfTokenOf(username: string, token: string): boolean {
    const [, time = '', signature = ''] = /^([0-9A-F]{8}):(.*)$/su.exec(token) ?? [];
    return isSameText(signature, this.#sign(`csrf:${time}:${username}`)) && isFresh(time);
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64').replaceAll('=', '');
  }
}

function isFresh(time: string): boolean {
  const ageSeconds = nowSeconds() - Number.parseInt(time, 16);
  return ageSeconds >= -CLOCK_TOLERANCE_SECONDS && ageSeconds <= TICKET_LIFETIME_SECONDS;
}

const nowSeconds = (): number => Math.floor(Date.now() / 1000);
const hexTime = (seconds: number): string => seconds.toString(16).toUpperCase().padStart(8, '0');
