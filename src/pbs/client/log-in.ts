import { ServerError } from '../../model/errors.ts';
import { Secret } from '../../model/secret.ts';
import type { Credentials } from './credentials.ts';
import type { ExchangeLimits, Http1Connection } from './http1-connection.ts';
import type { Http1Response } from './http1-response.ts';
import { authenticationFailed } from './refusal.ts';
import { isApiToken } from './repository.ts';
import { quoteServer } from './server-text.ts';

export const USER_AGENT = 'restorelab';

/** What proves who asks, as headers of each request, and the secrets in them, for {@link quoteServer}. */
export interface Proof {
  readonly headers: Readonly<Record<string, string>>;
  readonly secrets: readonly Secret[];
}

/** What login hands to later requests. */
export interface Ticket {
  readonly ticket: Secret;
  readonly csrfToken: Secret;
}

/**
 * Gets what later requests need: an API token is its own proof, a password is turned into a ticket on this connection
 * (spec 2.3 and 2.4).
 * @throws ServerError `authentication-failed`, `login-refused`, `response-malformed`
 */
export async function proveWith(
  http1: Http1Connection,
  credentials: Credentials,
  limits: ExchangeLimits,
): Promise<Proof> {
  if (isApiToken(credentials.authId)) return tokenProof(credentials);
  return ticketProof(await logIn(http1, credentials, limits), credentials.secret);
}

/** The server takes the id as it is and percent-decodes the secret (observed.md, i). */
export function tokenProof({ authId, secret }: Credentials): Proof {
  const encoded = new Secret(secret.reveal().replaceAll(/[^\x21-\x7e]|%/gu, encodeURIComponent));
  return { headers: { authorization: `PBSAPIToken=${authId}:${encoded.reveal()}` }, secrets: [secret, encoded] };
}

/** @param password that opened the login; it is not sent again, but a server that echoes it must not be quoted */
export function ticketProof({ ticket, csrfToken }: Ticket, password: Secret): Proof {
  const cookie = new Secret(encodeCookie(ticket.reveal()));
  return {
    headers: { cookie: `PBSAuthCookie=${cookie.reveal()}`, csrfpreventiontoken: csrfToken.reveal() },
    secrets: [password, ticket, cookie, csrfToken],
  };
}

/**
 * One login. The secret may also be a ticket that is still valid, which is how a ticket is renewed (spec 2.3).
 * @throws ServerError `authentication-failed`, `login-refused`, `response-malformed`
 */
export async function logIn(
  http1: Http1Connection,
  { authId, secret }: Credentials,
  limits: ExchangeLimits,
): Promise<Ticket> {
  const response = await http1.exchange(
    {
      method: 'POST',
      // Two slashes: what every real client sends (observed.md, 1).
      path: '//api2/json/access/ticket',
      headers: { 'user-agent': USER_AGENT, 'content-type': 'application/json' },
      body: JSON.stringify({ password: secret.reveal(), username: authId }),
    },
    limits,
  );
  if (response.status !== 200) throw loginRefused(response, { authId, secret });
  const { ticket, csrfToken } = parseTicket(response.body);
  // spec 2.3: a ticket that still wants a second factor opens nothing.
  if (ticket.startsWith('PBS:!tfa!')) {
    throw authenticationFailed(authId, 'a second factor is needed', 'use an API token: it needs no second factor');
  }
  return { ticket: new Secret(ticket), csrfToken: new Secret(csrfToken) };
}

function loginRefused({ status, body }: Http1Response, { authId, secret }: Credentials): ServerError {
  const quoted = quoteServer(body, [secret]);
  if (status === 401) return authenticationFailed(authId, quoted);
  return new ServerError(`the server refused the login of ${authId} with status ${status}: ${quoted}`, {
    code: 'login-refused',
    hint: 'is this a Proxmox Backup Server?',
  });
}

function parseTicket(body: Buffer): { readonly ticket: string; readonly csrfToken: string } {
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

/** spec 2.3: what PBS's own clients escape in the cookie. */
function encodeCookie(ticket: string): string {
  return ticket.replaceAll(/[^\x21-\x7e]|["#<>`?{};,]/gu, encodeURIComponent);
}
