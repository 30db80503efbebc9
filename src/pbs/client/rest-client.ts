import { ServerError } from '../../model/errors.ts';
import { Http1Connection, type ExchangeLimits, type Http1Request } from './http1-connection.ts';
import type { Http1Response } from './http1-response.ts';
import { USER_AGENT } from './log-in.ts';
import { sortedQuery, type QueryParameters } from './query.ts';
import { refusalError, type RefusedRequest } from './refusal.ts';
import { formatHostAndPort } from './repository.ts';
import type { ServerOptions } from './server-options.ts';
import { defaultTimeouts, type ServerTimeouts } from './server-timeouts.ts';
import { parseServerVersion, requireSupported, type ServerVersion } from './server-version.ts';
import { TicketKeeper } from './ticket-keeper.ts';
import { openTlsConnection } from './tls-connection.ts';

export interface RestRequest extends Pick<RefusedRequest, 'what' | 'store' | 'namespace' | 'snapshot' | 'neededRole'> {
  /** Below `/api2/json`, with a slash: `/admin/datastore/tank/snapshots`. */
  readonly path: string;
  /** Go into the query (spec 2.5). */
  readonly parameters?: QueryParameters;
  readonly signal: AbortSignal;
}

type Method = 'GET' | 'DELETE';

/** The list of 100,000 snapshots with ten files each; nothing above is read into memory. */
const MAX_BODY_BYTES = 128 * 1024 * 1024;

/**
 * Connects to the REST API of a server, and makes sure that it is one that this tool is made for. A connection stays
 * open for the requests that follow, and is opened again where the server has closed it.
 * @throws ServerError `server-unreachable`, `tls-failed`, `fingerprint-mismatch`, `certificate-untrusted`,
 * `authentication-failed`, `server-too-old`, `connection-lost`, `stalled`; the signal's reason when aborted
 */
export async function connectRest(options: ServerOptions): Promise<RestClient> {
  const client = new RestClient(options);
  try {
    requireSupported(await client.version(options.signal), formatHostAndPort(options));
    return client;
  } catch (error) {
    await client[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Makes sure that a server is one that this tool is made for, where no other REST request would show it.
 * @throws as {@link connectRest}
 */
export async function requireSupportedServer(options: ServerOptions): Promise<void> {
  await using _ = await connectRest(options);
}

/** Requests to the REST API of a server, one after the other on one connection. */
export class RestClient implements AsyncDisposable {
  readonly #options: ServerOptions;
  readonly #timeouts: Required<ServerTimeouts>;
  readonly #tickets: TicketKeeper;
  #http1: Http1Connection | undefined;
  #end: (() => void) | undefined;
  /** Settles when the request before is done. */
  #last: Promise<unknown> = Promise.resolve();

  /** Nothing is sent before the first request. */
  constructor(options: ServerOptions) {
    this.#options = options;
    this.#timeouts = { ...defaultTimeouts, ...options.timeouts };
    this.#tickets = new TicketKeeper(options.credentials, options.clock);
  }

  /** @returns `data` of the answer; @throws as {@link refusalError} and {@link connectRest} */
  async get(request: RestRequest): Promise<unknown> {
    return dataOf(await this.#request('GET', request), request);
  }

  /** As {@link get}. */
  async delete(request: RestRequest): Promise<unknown> {
    return dataOf(await this.#request('DELETE', request), request);
  }

  /** A file as it is stored; @throws as {@link get}, and ServerError `response-malformed` where it is longer */
  async download(request: RestRequest & { readonly maxBytes: number }): Promise<Buffer> {
    return (await this.#request('GET', request, request.maxBytes)).body;
  }

  async version(signal: AbortSignal): Promise<ServerVersion> {
    return parseServerVersion(await this.get({ path: '/version', what: 'asking for its version', signal }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last.catch(() => {});
    this.#end?.();
  }

  /** Requests wait for one another: HTTP/1.1 has no streams. */
  async #request(method: Method, request: RestRequest, maxBodyBytes: number = MAX_BODY_BYTES): Promise<Http1Response> {
    const before = this.#last;
    const doing = (async () => {
      await before.catch(() => {});
      return await this.#exchange(method, request, maxBodyBytes);
    })();
    this.#last = doing;
    return await doing;
  }

  async #exchange(method: Method, request: RestRequest, maxBodyBytes: number): Promise<Http1Response> {
    request.signal.throwIfAborted();
    const reused = this.#http1?.isReusable === true;
    try {
      return this.#accepted(await this.#send(method, request, maxBodyBytes), request);
    } catch (error) {
      // A server may close a connection that was idle at the very moment of the next request (RFC 9112, 9.3.1).
      const isStale = reused && method === 'GET' && error instanceof ServerError && error.code === 'connection-lost';
      if (!isStale) throw error;
      return this.#accepted(await this.#send(method, request, maxBodyBytes), request);
    }
  }

  async #send(method: Method, request: RestRequest, maxBodyBytes: number): Promise<Http1Response> {
    const limits: ExchangeLimits = { signal: request.signal, timeoutMs: this.#timeouts.answerMs };
    const http1 = await this.#connected(limits.signal);
    try {
      const { headers } = await this.#tickets.proof(http1, limits);
      const response = await http1.exchange({ ...httpRequest(method, request, headers), maxBodyBytes }, limits);
      if (response.headers.get('connection')?.toLowerCase() === 'close') this.#disconnect();
      return response;
    } catch (error) {
      // What was under way leaves the connection in a state that nobody knows.
      this.#disconnect();
      throw error;
    }
  }

  async #connected(signal: AbortSignal): Promise<Http1Connection> {
    if (this.#http1?.isReusable === true) return this.#http1;
    this.#disconnect();
    const { host, port, fingerprint } = this.#options;
    const socket = await openTlsConnection({
      host,
      port,
      signal,
      timeoutMs: this.#timeouts.connectMs,
      ...(fingerprint === undefined ? {} : { fingerprint }),
    });
    const http1 = new Http1Connection(formatHostAndPort(this.#options));
    http1.attach(socket, { isFed: false });
    this.#http1 = http1;
    this.#end = () => {
      http1.detach();
      // Errors that follow have nobody left to tell.
      socket.on('error', () => {});
      socket.destroy();
    };
    return http1;
  }

  #disconnect(): void {
    this.#end?.();
    this.#end = undefined;
    this.#http1 = undefined;
  }

  /** @throws what {@link refusalError} makes of a status other than 200 */
  #accepted(response: Http1Response, request: RestRequest): Http1Response {
    if (response.status === 200) return response;
    const { credentials } = this.#options;
    throw refusalError(response, {
      ...request,
      authId: credentials.authId,
      secrets: [credentials.secret, ...this.#tickets.secrets],
      code: 'request-refused',
    });
  }
}

function dataOf({ body }: Http1Response, { what }: RestRequest): unknown {
  try {
    const answer = JSON.parse(body.toString('utf8')) as { readonly data?: unknown };
    if (typeof answer === 'object' && answer !== null && 'data' in answer) return answer.data;
  } catch {
    // Told below.
  }
  throw new ServerError(`the server's answer to ${what} is not the JSON that PBS sends`, {
    code: 'response-malformed',
    hint: 'is this a Proxmox Backup Server?',
  });
}

/** Headers in the order of PBS's own clients; without parameters they send an empty query where there could be some. */
function httpRequest(
  method: Method,
  { path, parameters }: RestRequest,
  proof: Readonly<Record<string, string>>,
): Http1Request {
  const target = `/api2/json${path}`;
  const headers = { 'user-agent': USER_AGENT, 'content-type': 'application/x-www-form-urlencoded', ...proof };
  return { method, path: parameters === undefined ? target : `${target}?${sortedQuery(parameters)}`, headers };
}
