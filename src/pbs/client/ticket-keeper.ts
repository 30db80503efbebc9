import { ServerError } from '../../model/errors.ts';
import type { Clock } from '../../model/ports.ts';
import type { Secret } from '../../model/secret.ts';
import type { Credentials } from './credentials.ts';
import type { ExchangeLimits, Http1Connection } from './http1-connection.ts';
import { logIn, ticketProof, tokenProof, type Proof, type Ticket } from './log-in.ts';
import { isApiToken } from './repository.ts';

/** After which PBS's own client takes a new ticket, and after which the server takes the old one no more (spec 2.3). */
const RENEW_AFTER_MS = 15 * 60 * 1000;
const LIFETIME_MS = 2 * 60 * 60 * 1000;

interface HeldTicket {
  readonly ticket: Ticket;
  readonly takenMs: number;
  readonly proof: Proof;
}

/**
 * What proves who asks, for as long as a client lives: an API token as it is, or a ticket, which is renewed with itself
 * once it is 15 minutes old, and by the password where that is too late.
 */
export class TicketKeeper {
  readonly #credentials: Credentials;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #token: Proof | undefined;
  #held: HeldTicket | undefined;

  constructor(credentials: Credentials, clock: Pick<Clock, 'now'>) {
    this.#credentials = credentials;
    this.#clock = clock;
    this.#token = isApiToken(credentials.authId) ? tokenProof(credentials) : undefined;
  }

  /** Not to be quoted from a server's answer. */
  get secrets(): readonly Secret[] {
    return (this.#token ?? this.#held?.proof)?.secrets ?? [];
  }

  /**
   * The proof for a request that is made now; logs in on this connection where that is needed.
   * @throws ServerError `authentication-failed`, `login-refused`, `response-malformed`, `connection-lost`, `stalled`
   */
  async proof(http1: Http1Connection, limits: ExchangeLimits): Promise<Proof> {
    if (this.#token !== undefined) return this.#token;
    const takenMs = this.#clock.now();
    const held = this.#held;
    if (held !== undefined && takenMs - held.takenMs < RENEW_AFTER_MS) return held.proof;
    const isAlive = held !== undefined && takenMs - held.takenMs < LIFETIME_MS;
    const renewed = isAlive ? await this.#renewed(held.ticket, http1, limits) : undefined;
    const ticket = renewed ?? (await logIn(http1, this.#credentials, limits));
    this.#held = { ticket, takenMs, proof: ticketProof(ticket, this.#credentials.secret) };
    return this.#held.proof;
  }

  /** Undefined where the server does not take the old ticket, after a change of its keys for instance. */
  async #renewed({ ticket }: Ticket, http1: Http1Connection, limits: ExchangeLimits): Promise<Ticket | undefined> {
    try {
      return await logIn(http1, { authId: this.#credentials.authId, secret: ticket }, limits);
    } catch (error) {
      if (error instanceof ServerError && error.code === 'authentication-failed') return undefined;
      throw error;
    }
  }
}
