import { readFile, stat } from 'node:fs/promises';

import { isNode, LineCounter, parseDocument, type Document } from 'yaml';
import { z } from 'zod';

import { asMachineError, systemErrorCode, UsageError } from '../../../model/errors.ts';
import { isNamespace } from '../../format/namespace.ts';
import type { Accounts } from './accounts.ts';
import { roleNames } from './roles.ts';
import { parseHashedSecret, type StoredSecret } from './stored-secret.ts';

/** It is written by hand; a larger file is another file given by mistake. */
const MAX_FILE_BYTES = 1024 ** 2;

/** Of the mode of a file: others than its owner and group may read it. */
const OTHERS_MAY_READ = 0o004;

const realm = '[A-Za-z0-9_][A-Za-z0-9._-]{1,31}';
const userPattern = new RegExp(`^[^\\s:/\\p{Cc}]+@${realm}$`, 'u');

/** Of the last part of an API token's id. A real server has shorter ones than spec 1.1 says: the recorded sessions use `t1`. */
const tokenNamePattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/u;

const secret = z.string('a text in quotes').transform((text, context): StoredSecret => {
  if (!text.startsWith('scrypt:')) return { kind: 'plain', text };
  const hashed = parseHashedSecret(text);
  if (hashed !== undefined) return hashed;
  context.addIssue({ code: 'custom', message: 'what `serve --hash-secret` prints, or the secret itself' });
  return z.NEVER;
});

const schema = z.strictObject(
  {
    users: z.array(
      z.strictObject({
        id: z.string().max(64).regex(userPattern, 'a user with a realm, e.g. bench@pbs'),
        password: secret.optional(),
        tokens: z
          .array(
            z.strictObject({
              name: z
                .string()
                .regex(tokenNamePattern, 'a name of at most 64 letters, digits, dots, dashes or underscores'),
              secret,
            }),
          )
          .default([]),
      }),
      'a list of users',
    ),
    permissions: z
      .array(
        z.strictObject({
          path: z.string().refine(isAclPath, '/, /datastore, /datastore/NAME or /datastore/NAME/NAMESPACE'),
          to: z.string('the id of a user or token'),
          role: z.enum(roleNames, `one of ${roleNames.join(', ')}`),
          propagate: z.boolean().default(true),
        }),
        'a list of permissions',
      )
      .default([]),
  },
  'a group of `users` and `permissions`',
);

export interface UsersFile {
  readonly accounts: Accounts;
  /** One sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Reads users, API tokens and permissions. Messages name the place in the file and never what stands there.
 * @param file - Absolute path
 * @throws UsageError `users-file` for a file that is not there or wrong; MachineError where it cannot be read
 */
export async function readUsersFile(file: string): Promise<UsersFile> {
  let text: string;
  let mode: number;
  try {
    const facts = await stat(file);
    if (!facts.isFile() || facts.size > MAX_FILE_BYTES) throw problem([`${file}: this is no users file`]);
    mode = facts.mode;
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') throw problem([`${file}: there is no such file`]);
    throw asMachineError(error, `reading the users file ${file}`);
  }
  const isOpen = (mode & OTHERS_MAY_READ) !== 0;
  return {
    accounts: parseUsers(text, file),
    warnings: isOpen ? [`everybody on this machine may read ${file}: chmod 600 ${file}`] : [],
  };
}

/** @throws UsageError `users-file` with everything that is wrong, one line each */
export function parseUsers(text: string, file: string): Accounts {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const placeAt = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  // The parser's own words may quote the file.
  if (document.errors.length > 0)
    throw problem(document.errors.map(({ pos, code }) => `${placeAt(pos[0])}: not YAML (${code})`));
  const placeOf = (path: readonly PropertyKey[]): string => placeAt(offsetOf(document, path));
  const parsed = schema.safeParse(valuesOf(document, file));
  if (!parsed.success) throw problem(parsed.error.issues.map((issue) => `${placeOf(issue.path)}: ${words(issue)}`));
  const { users, permissions } = parsed.data;
  const accounts: Accounts = {
    users: users.map(({ password, ...user }) => ({ ...user, ...(password === undefined ? {} : { password }) })),
    acl: permissions.map(({ to, ...entry }) => ({ ...entry, authId: to })),
  };
  const wrong = [...repeated(accounts), ...unknown(accounts)];
  if (wrong.length > 0) throw problem(wrong.map(({ path, message }) => `${placeOf(path)}: ${message}`));
  return accounts;
}

function valuesOf(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch {
    throw problem([`${file}: anchors and aliases are not taken here`]);
  }
}

interface Finding {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function repeated({ users }: Accounts): readonly Finding[] {
  const seen = new Set<string>();
  const findings: Finding[] = [];
  const note = (id: string, path: readonly PropertyKey[]): void => {
    if (seen.has(id)) findings.push({ path, message: `${id} is there twice` });
    seen.add(id);
  };
  for (const [index, { id, tokens }] of users.entries()) {
    note(id, ['users', index, 'id']);
    for (const [number, { name }] of tokens.entries())
      note(`${id}!${name}`, ['users', index, 'tokens', number, 'name']);
  }
  return findings;
}

function unknown({ users, acl }: Accounts): readonly Finding[] {
  const known = new Set(users.flatMap(({ id, tokens }) => [id, ...tokens.map(({ name }) => `${id}!${name}`)]));
  return acl.flatMap(({ authId }, index) =>
    known.has(authId)
      ? []
      : [
          {
            path: ['permissions', index, 'to'],
            message: `${JSON.stringify(authId)} is neither a user nor a token here`,
          },
        ],
  );
}

function isAclPath(path: string): boolean {
  const [first, kind, store, ...namespace] = path.split('/');
  if (path === '/') return true;
  if (first !== '' || kind !== 'datastore') return false;
  return store === undefined || isNamespace([store, ...namespace].join('/'));
}

function words(issue: z.core.$ZodIssue): string {
  const name = issue.path.findLast((part) => typeof part === 'string');
  if (issue.code === 'unrecognized_keys')
    return `unknown key ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}`;
  return `${name === undefined ? 'the file' : name} must be ${issue.message.replace(/^Invalid input: expected (\w+).*/u, 'a $1')}`;
}

/** Where a value stands, or the nearest thing around it. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

const problem = (lines: readonly string[]): UsageError =>
  new UsageError(lines.join('\n'), { code: 'users-file', hint: 'docs/serve.md shows what a users file looks like' });
