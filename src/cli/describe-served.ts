import type { ServedCase } from '../harness/serve-case.ts';
import type { CaseSettings } from '../model/environment.ts';
import { formatTable } from '../ui/table.ts';
import { describeLink, describeStorage } from './describe-plan.ts';
import type { SecretPlace } from './serve-login.ts';

export interface Described {
  readonly served: Pick<ServedCase, 'path' | 'port' | 'fingerprint' | 'isReadOnly'>;
  readonly store: string;
  readonly settings: CaseSettings | undefined;
  /** Whose repository is shown as an example. */
  readonly authId: string;
  readonly password: Pick<SecretPlace, 'origin' | 'file'>;
}

/** What a user needs to point a client at the server, and never a secret. */
export function describeServed({ served, store, settings, authId, password }: Described): string {
  const repository = `${authId}@127.0.0.1:${served.port}:${store}`;
  const rows = [
    ['repository', repository],
    ['fingerprint', served.fingerprint],
    ['password', password.origin],
    ...(settings === undefined
      ? []
      : [
          ['link', describeLink(settings.link)],
          ['storage', describeStorage(settings.storage)],
        ]),
  ];
  const secret = password.file === undefined ? [] : [`  export PBS_PASSWORD_FILE=${quoted(password.file)}`];
  return [
    `Serving ${served.path}${served.isReadOnly ? ' (read-only)' : ''}`,
    formatTable(rows, { indent: '  ' }).trimEnd(),
    '',
    'For a client in another shell:',
    `  export PBS_REPOSITORY=${quoted(repository)}`,
    `  export PBS_FINGERPRINT=${served.fingerprint}`,
    ...secret,
    '  proxmox-backup-client snapshot list',
    '',
    'Ctrl-C ends it when the requests under way are answered.\n',
  ].join('\n');
}

/** For a shell, where `!` and blanks mean something. */
const quoted = (text: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/u.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
