import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { makeFolder } from '../files/make-folder.ts';
import { asMachineError } from '../model/errors.ts';
import type { OneAccount } from '../pbs/server/control.ts';
import type { Accounts } from '../pbs/server/access/accounts.ts';
import { readUsersFile } from '../pbs/server/access/read-users-file.ts';
import type { Edge } from './edge.ts';

const USER_ID = 'root@pam';

/** A password or token secret: one that the user has and where from, or one that nobody has yet. */
type LoginSecret =
  | { readonly kind: 'known'; readonly origin: string }
  | { readonly kind: 'made'; readonly value: string };

/** Who may use the server, and what is said about that. */
export interface ServeLogin {
  readonly who: OneAccount | { readonly accounts: Accounts };
  /** Whose repository is shown as an example. */
  readonly authId: string;
  readonly secret: LoginSecret;
  /** One sentence each. */
  readonly warnings: readonly string[];
}

export interface ServeLoginOptions {
  /** A users file, relative to the current folder. */
  readonly users: string | undefined;
  readonly edge: Edge;
}

/**
 * Users from a file; else root@pam with the password of PBS_PASSWORD, or one that is made now. It is never printed: that
 * goes into a file that only its owner can read.
 * @throws as `readUsersFile`
 */
export async function serveLogin({ users, edge }: ServeLoginOptions): Promise<ServeLogin> {
  if (users !== undefined) {
    const { accounts, warnings } = await readUsersFile(resolve(edge.cwd, users));
    const [first] = accounts.users;
    const [token] = first?.tokens ?? [];
    const authId = first === undefined ? 'USER' : token === undefined ? first.id : `${first.id}!${token.name}`;
    return { who: { accounts }, authId, secret: { kind: 'known', origin: `in ${users}` }, warnings };
  }
  const given = edge.env['PBS_PASSWORD'];
  const value = given === undefined || given === '' ? randomBytes(24).toString('base64url') : given;
  return {
    who: { userId: USER_ID, secret: value },
    authId: USER_ID,
    secret: value === given ? { kind: 'known', origin: 'that of PBS_PASSWORD' } : { kind: 'made', value },
    warnings: [],
  };
}

/** Where a client finds its password. */
export interface SecretPlace extends AsyncDisposable {
  readonly origin: string;
  /** For a client's PBS_PASSWORD_FILE, where there is one. */
  readonly file?: string;
}

/**
 * Puts a password that was made for this start into a file, which goes away when disposed. Each port has its own: another
 * server of this user goes on with its own.
 * @throws MachineError where it cannot be written
 */
export async function placeSecret(secret: LoginSecret, port: number, stateFolder: string): Promise<SecretPlace> {
  if (secret.kind === 'known') return { origin: secret.origin, [Symbol.asyncDispose]: async () => {} };
  const file = join(stateFolder, `serve-password-${port}`);
  const doing = `cannot write the password to ${file}`;
  try {
    await makeFolder(stateFolder, { doing, mode: 0o700 });
    await writeFile(file, `${secret.value}\n`, { mode: 0o600 });
  } catch (error) {
    throw asMachineError(error, doing);
  }
  const origin = `in ${file} (new for each start; set PBS_PASSWORD to choose one)`;
  return { origin, file, [Symbol.asyncDispose]: async () => await rm(file, { force: true }) };
}
