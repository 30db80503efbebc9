import { ServerError, UsageError, type KnownError } from '../../model/errors.ts';
import type { Http1Response } from './http1-response.ts';
import { refusalError, type RefusedRequest } from './refusal.ts';
import { quoteServer } from './server-text.ts';

/** What only backups are refused for (observed.md, x). */
const explanations: readonly (readonly [
  isIt: (quoted: string, status: number) => boolean,
  explain: (message: string) => KnownError,
])[] = [
  [
    (quoted) => quoted.includes('backup timestamp is older than last backup'),
    (message) =>
      new UsageError(message, {
        code: 'backup-time-old',
        hint: 'the group holds a newer backup: check the clocks of both machines, or choose another group',
      }),
  ],
  [
    (quoted) => quoted.includes('backup owner check failed'),
    (message) =>
      new ServerError(message, {
        code: 'permission-denied',
        hint: 'the group belongs to another user or token: choose another group, or have its owner changed',
      }),
  ],
  [
    (quoted, status) => status === 403 || quoted.includes('permission check failed'),
    (message) =>
      new ServerError(message, {
        code: 'permission-denied',
        hint: 'the role DatastoreBackup on the datastore is enough; a token needs it beside its user',
      }),
  ],
];

/** The error of a backup that the server refuses; never quotes a secret. */
export function backupRefused(response: Pick<Http1Response, 'status' | 'body'>, request: RefusedRequest): KnownError {
  const { status, body } = response;
  const quoted = quoteServer(body, request.secrets);
  const [, explain] = explanations.find(([isIt]) => isIt(quoted, status)) ?? [];
  return (
    explain?.(`the server refuses ${request.what} (status ${status}): ${quoted}`) ?? refusalError(response, request)
  );
}
