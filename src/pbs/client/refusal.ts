import { ServerError, UsageError, type KnownError } from '../../model/errors.ts';
import type { Secret } from '../../model/secret.ts';
import type { Http1Response } from './http1-response.ts';
import { quoteServer } from './server-text.ts';

/** A request that was refused, as its message needs it. */
export interface RefusedRequest {
  /** Completes "the server denies ...": `reading vm/100/... in datastore tank`. */
  readonly what: string;
  readonly authId: string;
  readonly store?: string;
  /** The root where absent or empty. */
  readonly namespace?: string;
  /** `vm/100/2026-02-16T16:30:44Z` */
  readonly snapshot?: string;
  /** Not to be quoted. */
  readonly secrets: readonly Secret[];
  /** What it takes to be allowed it, where that is more than reading. */
  readonly neededRole?: string;
  /** Of an answer that is none of the known ones. */
  readonly code: string;
}

/** The datastore and namespace of a request, for a message. */
export const placeText = (store: string, namespace = ''): string =>
  `datastore ${store}${namespace === '' ? '' : `, namespace ${namespace}`}`;

type Explain = (request: RefusedRequest, quoted: string, status: number) => KnownError;

/**
 * What PBS answers, by its text: nearly everything has status 400 (spec 2.5). The first that fits is taken. Wrong names
 * are the user's to mend (exit 2), everything else is about the server (exit 4).
 */
const explanations: readonly (readonly [isIt: (quoted: string, status: number) => boolean, explain: Explain])[] = [
  [
    (quoted) => quoted.startsWith('no such datastore'),
    ({ store = '' }) =>
      new UsageError(`the server has no datastore ${store}`, {
        code: 'datastore-not-found',
        hint: 'the datastore is the last part of the repository: check its name',
      }),
  ],
  [
    (quoted) => /snapshot .* does not exist/u.test(quoted),
    ({ snapshot = '', store = '', namespace = '' }) =>
      new UsageError(`there is no snapshot ${snapshot} in ${placeText(store, namespace)}`, {
        code: 'snapshot-not-found',
        hint:
          namespace === ''
            ? 'list the snapshots (`restorelab snapshots`) and name one of them; one in a namespace needs --ns (in a scenario: server.namespace)'
            : 'the server does not say whether the namespace or the snapshot is missing: list its snapshots (`restorelab snapshots`)',
      }),
  ],
  [
    (quoted) => /namespace .*not found|no such namespace/iu.test(quoted),
    ({ store = '', namespace = '' }) =>
      new UsageError(`there is no namespace ${namespace} in datastore ${store}`, {
        code: 'namespace-not-found',
        hint: 'check --ns (in a scenario: server.namespace) or PBS_NAMESPACE; names of namespaces are written from the root, as in a/b',
      }),
  ],
  [(_, status) => status === 401, ({ authId }, quoted) => authenticationFailed(authId, quoted)],
  [
    (quoted, status) => status === 403 || quoted.includes('permission check failed'),
    ({ what, authId, neededRole = 'DatastoreReader on the datastore is enough to list and restore' }, quoted) =>
      new ServerError(`the server denies ${authId} ${what}: ${quoted}`, {
        code: 'permission-denied',
        hint: `the role ${neededRole}; a token needs it beside its user`,
      }),
  ],
  [
    (quoted) => quoted.includes('backup owner check failed'),
    ({ what, authId }, quoted) =>
      new ServerError(`the server denies ${authId} ${what}: ${quoted}`, {
        code: 'permission-denied',
        hint: 'the group belongs to another user or token: be that one, or have a role that holds for all groups (DatastoreReader to restore, DatastoreAdmin to remove)',
      }),
  ],
  [
    (quoted) => quoted.includes('maintenance mode'),
    ({ what }, quoted) =>
      new ServerError(`the server refuses ${what}: ${quoted}`, {
        code: 'maintenance',
        hint: 'wait until the datastore is back, or end its maintenance mode; read-only mode allows restores',
      }),
  ],
  [
    // A snapshot that is being written is answered with a dump of its object (observed.md, 10).
    (quoted) => /unable to acquire .*lock|while reading snapshot 'BackupDir/u.test(quoted),
    ({ what }, quoted) =>
      new ServerError(`the server refuses ${what}, something else has it locked: ${quoted}`, {
        code: 'locked',
        hint: 'a backup, restore, prune or verify may be running: wait for it, its task is in the task list of the server',
      }),
  ],
  [
    (quoted) => quoted.includes('protected snapshot'),
    ({ what }, quoted) =>
      new ServerError(`the server refuses ${what}: ${quoted}`, {
        code: 'snapshot-protected',
        hint: 'take its protection away on the server first, if it may go',
      }),
  ],
  [
    (quoted) => /No space left on device|os error 28/u.test(quoted),
    ({ what }, quoted) =>
      new ServerError(`the server refuses ${what}, its disk is full: ${quoted}`, {
        code: 'server-full',
        hint: 'free space on the datastore: prune, then run its garbage collection',
      }),
  ],
  [
    (quoted, status) => (status === 404 && /^Path .* not found/u.test(quoted)) || /invalid protocol name/u.test(quoted),
    ({ what }, quoted) =>
      new ServerError(`the server does not know ${what}: ${quoted}`, {
        code: 'server-too-old',
        hint: 'Proxmox Backup Server 3 or newer is needed; is there a proxy in between?',
      }),
  ],
];

/** What a server's refusal means, in the words of who can do something about it; never quotes a secret. */
export function refusalError(
  { status, body }: Pick<Http1Response, 'status' | 'body'>,
  request: RefusedRequest,
): KnownError {
  const quoted = quoteServer(body, request.secrets);
  for (const [isIt, explain] of explanations) {
    if (isIt(quoted, status)) return explain(request, quoted, status);
  }
  return new ServerError(`the server refuses ${request.what} (status ${status}): ${quoted}`, {
    code: request.code,
    hint: 'check the log of the server',
  });
}

export function authenticationFailed(
  who: string,
  reason: string,
  hint: string = 'check user (with its realm, as in root@pam) and password, or the name and secret of the API token',
): ServerError {
  return new ServerError(`the server does not accept ${who}: ${reason}`, { code: 'authentication-failed', hint });
}
