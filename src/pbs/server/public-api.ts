import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { Clock } from '../../model/ports.ts';
import { snapshotFolder } from '../datastore/layout.ts';
import { backupTypes, formatSnapshotPath, isBackupType, type SnapshotPath } from '../format/snapshot-path.ts';
import type { HeaderFields } from '../transport/transport.ts';
import type { Access } from './access.ts';
import {
  isBoolean,
  isTrue,
  isIntegerFrom,
  isOneOf,
  isText,
  matches,
  readParameters,
  readQuery,
  type ParameterRules,
} from './parameters.ts';
import { asRefusal, PathNotFound, Refusal } from './refusal.ts';
import { pathParts } from './request-path.ts';
import type { ChunkPool } from './synthesised-chunks.ts';

/** A request of the HTTP/1.1 listener. */
export interface PublicRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly headers: HeaderFields;
  /** Reads the whole body, once. Rejects with a Refusal where it is too long. */
  readonly body: () => Promise<string>;
  /** Whether the request came with the means to change the protocol of its connection. */
  readonly canUpgrade: boolean;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

export interface PublicAnswer {
  readonly kind: 'answer';
  readonly status: number;
  readonly headers: HeaderFields;
  readonly body: string;
}

/** The connection becomes a reader session of a snapshot. */
export interface ReaderGrant {
  readonly kind: 'reader';
  readonly store: ServedStore;
  readonly snapshotFolder: string;
}

/** A datastore that is offered. */
export interface ServedStore {
  /** Absolute path of its folder. */
  readonly path: string;
  /** Its chunks, where they are not in the folder. */
  readonly pool?: ChunkPool;
}

export interface PublicApiOptions {
  readonly access: Access;
  /** By name. */
  readonly stores: ReadonlyMap<string, ServedStore>;
  readonly clock: Clock;
  /** How long a 401 is kept back. */
  readonly penaltyMs: number;
}

/** The value of `Upgrade` for a reader; exactly this, letter case included. */
export const READER_PROTOCOL = 'proxmox-backup-reader-protocol-v1';

/** Longer ones are answered with 414 (spec 2.5). */
const MAX_TARGET_LENGTH = 3072;

const JSON_TYPE = 'application/json;charset=UTF-8';

/** The version that is emulated (spec 2.6). */
const version = { version: '4.2', release: '3', repoid: 'restorelab' } as const;

const safeId = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/u;

const readerRules: ParameterRules = {
  'backup-id': { check: matches(safeId) },
  'backup-time': { check: isIntegerFrom(1) },
  'backup-type': { check: isOneOf(backupTypes) },
  debug: { check: isBoolean, isOptional: true },
  // At most seven parts (spec 1.3).
  ns: {
    check: matches(/^(?:[A-Za-z0-9_][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*){0,6})?$/u, { maxLength: 256 }),
    isOptional: true,
  },
  store: { check: matches(safeId, { minLength: 3, maxLength: 32 }) },
};

const ticketRules: ParameterRules = {
  'http-only': { check: isBoolean, isOptional: true },
  password: { check: isText, isOptional: true },
  path: { check: isText, isOptional: true },
  port: { check: isText, isOptional: true },
  privs: { check: isText, isOptional: true },
  'tfa-challenge': { check: isText, isOptional: true },
  username: { check: matches(/^[^\s:/\p{Cc}]+@[A-Za-z0-9_][A-Za-z0-9._-]*$/u, { minLength: 3, maxLength: 64 }) },
};

/** What the HTTP/1.1 listener of PBS answers, as far as a restore needs it (spec 2). */
export class PublicApi {
  readonly #options: PublicApiOptions;

  constructor(options: PublicApiOptions) {
    this.#options = options;
  }

  /** Rejects only with the reason of the request's signal. */
  async handle(request: PublicRequest): Promise<PublicAnswer | ReaderGrant> {
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

  async #route(request: PublicRequest, parts: readonly string[], query: string): Promise<PublicAnswer | ReaderGrant> {
    const { method, headers } = request;
    if (parts[0] !== 'api2' || parts[1] !== 'json') throw new PathNotFound(parts);
    const [, , ...rest] = parts;
    const endpoint = `${method} ${rest.join('/')}`;
    if (endpoint === 'POST access/ticket') return await this.#login(request, query);
    if (endpoint === 'GET ping') return data({ pong: true }, query);
    if (!this.#options.access.isAuthenticated(headers))
      return await this.#refuse(request, 401, 'authentication failed');
    if (endpoint === 'GET version') return data(version, query);
    if (endpoint === 'GET reader') return await this.#reader(request, query);
    if (rest[0] === 'admin' && rest[1] === 'datastore' && rest[2] !== undefined) this.#store(rest[2]);
    throw new PathNotFound(parts);
  }

  async #login(request: PublicRequest, query: string): Promise<PublicAnswer> {
    const parameters = readParameters(await readForm(request, query), ticketRules);
    const password = parameters.get('password');
    if (password === undefined) throw new Refusal(400, 'no password provided');
    const ticket = this.#options.access.login(parameters.get('username') ?? '', password);
    if (ticket === undefined) throw new Refusal(401, 'permission check failed.');
    const { ticket: text, ...rest } = ticket;
    const isHttpOnly = isTrue(parameters.get('http-only'));
    return {
      kind: 'answer',
      status: 200,
      headers: {
        'content-type': 'application/json',
        ...(isHttpOnly
          ? { 'set-cookie': `__Host-PBSAuthCookie=${text}; Secure; SameSite=Lax; HttpOnly; Path=/;` }
          : {}),
      },
      // The signature, which makes it a ticket, is in the cookie alone then.
      body: JSON.stringify({
        data: isHttpOnly ? { ...rest, 'ticket-info': text.slice(0, text.indexOf('::')) } : ticket,
        status: 200,
        success: true,
      }),
    };
  }

  async #reader({ headers, canUpgrade }: PublicRequest, query: string): Promise<ReaderGrant> {
    const parameters = readQuery(query, readerRules);
    const store = this.#store(parameters.get('store') ?? '');
    const protocol = headers['upgrade'];
    if (protocol === undefined) throw new Refusal(400, 'missing Upgrade header');
    if (protocol !== READER_PROTOCOL || !canUpgrade) throw new Refusal(400, 'invalid protocol name');
    const type = parameters.get('backup-type') ?? '';
    if (!isBackupType(type)) throw new Refusal(400, `unknown backup type ${type}`);
    const snapshot: SnapshotPath = {
      type,
      id: parameters.get('backup-id') ?? '',
      time: Number(parameters.get('backup-time')),
    };
    const namespace = (parameters.get('ns') ?? '').split('/').filter((part) => part !== '');
    const folder = snapshotFolder(join(store.path, ...namespace.flatMap((part) => ['ns', part])), snapshot);
    const isThere = await stat(folder).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isThere) throw new Refusal(400, `snapshot ${formatSnapshotPath(snapshot)} does not exist.`);
    return { kind: 'reader', store, snapshotFolder: folder };
  }

  #store(name: string): ServedStore {
    const store = this.#options.stores.get(name);
    if (store === undefined) throw new Refusal(400, `no such datastore '${name}'`);
    return store;
  }

  async #refuse({ signal }: PublicRequest, status: number, body: string, contentType?: string): Promise<PublicAnswer> {
    if (status === 401) await this.#options.clock.sleep(this.#options.penaltyMs, signal);
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

function data(value: unknown, query: string): PublicAnswer {
  readQuery(query, {});
  return { kind: 'answer', status: 200, headers: { 'content-type': JSON_TYPE }, body: JSON.stringify({ data: value }) };
}

/** Parameters of a body: JSON, where the query does not count, or a form, which is merged with it (spec 2.5). */
async function readForm({ headers, body }: PublicRequest, query: string): Promise<(readonly [string, string])[]> {
  const contentType = headers['content-type'];
  const [mediaType = ''] = (contentType ?? '').split(';');
  const text = await body();
  if (contentType === undefined || mediaType.trim() === 'application/x-www-form-urlencoded') {
    return [...new URLSearchParams(text), ...new URLSearchParams(query)];
  }
  if (mediaType.trim() !== 'application/json')
    throw new Refusal(400, `unsupported content type Ok(${JSON.stringify(contentType)})`);
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    throw new Refusal(400, 'unable to parse the JSON of the request body');
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new Refusal(400, 'the JSON of the request body is not an object');
  }
  return Object.entries(fields).map(([name, value]) => [name, String(value)]);
}
