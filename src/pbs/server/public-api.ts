import type { Clock } from '../../model/ports.ts';
import type { Access } from './access/access.ts';
import { grantBackup } from './backup/backup-grant.ts';
import { readQuery } from './parameters.ts';
import {
  dataAnswer,
  JSON_TYPE,
  readRequestParameters,
  type PublicAnswer,
  type PublicRequest,
} from './public-request.ts';
import { grantReader } from './reader-grant.ts';
import { asRefusal, PathNotFound } from './refusal.ts';
import { pathParts } from './request-path.ts';
import { findEndpoint } from './rest/endpoints.ts';
import type { RestServer } from './rest/rest-call.ts';
import { login } from './rest/ticket.ts';
import type { SessionGrant } from './session.ts';

/** How long refusals are kept back, to slow down guessing. */
export interface Penalties {
  /** Of a 401. */
  readonly penaltyMs: number;
  /** Of a 403. */
  readonly forbiddenMs: number;
}

export interface PublicApiOptions extends Penalties {
  readonly access: Access;
  readonly rest: RestServer;
  readonly clock: Clock;
}

/** Longer ones are answered with 414 (spec 2.5). */
const MAX_TARGET_LENGTH = 3072;

/** What the HTTP/1.1 listener of PBS answers, as far as backup clients need it (spec 2). */
export class PublicApi {
  readonly #options: PublicApiOptions;

  constructor(options: PublicApiOptions) {
    this.#options = options;
  }

  /** Rejects only with the reason of the request's signal. */
  async handle(request: PublicRequest): Promise<PublicAnswer | SessionGrant> {
    const { target } = request;
    if (target.length > MAX_TARGET_LENGTH) return { kind: 'answer', status: 414, headers: {}, body: '' };
    try {
      const mark = target.indexOf('?');
      const [path, query] = mark === -1 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
      return await this.#route(request, pathParts(path), query);
    } catch (error) {
      const { status, message } = asRefusal(error);
      return await this.#refuse(request, status, message, JSON_TYPE);
    }
  }

  async #route(request: PublicRequest, parts: readonly string[], query: string): Promise<PublicAnswer | SessionGrant> {
    const { access, rest: server, clock, penaltyMs } = this.#options;
    const { method, headers } = request;
    if (parts[0] !== 'api2' || parts[1] !== 'json') throw new PathNotFound(parts);
    const below = parts.slice(2);
    const path = `${method} ${below.join('/')}`;
    if (path === 'POST access/ticket') return await login(request, query, access);
    if (path === 'GET ping') {
      readQuery(query, {});
      return dataAnswer({ pong: true });
    }
    const caller = await access.authenticate(method, headers);
    if (caller === undefined) return await this.#refuse(request, 401, 'authentication failed');
    const upgrade = { request, query, caller, server, clock, penaltyMs };
    if (path === 'GET reader') return await grantReader(upgrade);
    if (path === 'GET backup') return await grantBackup(upgrade);
    const found = findEndpoint(method, below);
    if (found === undefined) throw new PathNotFound(parts);
    const { endpoint, ofPath } = found;
    const parameters = await readRequestParameters(request, { query, ofPath, ...endpoint });
    return await endpoint.answer({ server, caller, parameters, request });
  }

  async #refuse({ signal }: PublicRequest, status: number, body: string, contentType?: string): Promise<PublicAnswer> {
    const { clock, penaltyMs, forbiddenMs } = this.#options;
    if (status === 401) await clock.sleep(penaltyMs, signal);
    if (status === 403) await clock.sleep(forbiddenMs, signal);
    return {
      kind: 'answer',
      status,
      headers: {
        ...(contentType === undefined ? {} : { 'content-type': contentType }),
        ...(status === 401 ? { 'set-cookie': CLEAR_COOKIE } : {}),
      },
      body,
    };
  }
}

const CLEAR_COOKIE =
  '__Host-PBSAuthCookie=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; SameSite=Lax; HttpOnly; Path=/;';
