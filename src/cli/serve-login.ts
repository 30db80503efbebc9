import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { asMachineError } from '../model/errors.ts';
import type { OneAccount } from '../pbs/server/control.ts';
import type { Accounts } from '../pbs/server/access/accounts.ts';
import { readUsersFile } from '../pbs/server/access/read-users-file.ts';
import type { Edge } from './edge.ts';

const USER_ID = 'root@pam';

/** Who may use the server, and what is said about that. */
export interface ServeLogin {
  readonly who: OneAccount | { readonly accounts: Accounts };
  /** Whose repository is shown as an example. */
  readonly authId: string;
  /** Where their password or token secret is from. */
  readonly origin: string;
  /** A file that holds it, for a client's PBS_PASSWORD_FILE. */
  readonly file?: string;
  /** One that nobody has chosen and nobody knows yet: {@link keepMadeSecret} puts it into a file. */
  readonly madeSecret?: string;
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
    return { who: { accounts }, authId, origin: `in ${users}`, warnings };
  }
  const given = edge.env['PBS_PASSWORD'];
  if (given !== undefined && given !== '')
    return { who: { userId: USER_ID, secret: given }, authId: USER_ID, origin: 'that of PBS_PASSWORD', warnings: [] };
  const secret = randomBytes(24).toString('base64url');
  return { who: { userId: USER_ID, secret }, authId: USER_ID, origin: 'new', madeSecret: secret, warnings: [] };
}

/** Puts a password that was made for this start into a file of its own, by port, and takes it away when disposed. */
export async function keepMadeSecret(
  login: ServeLogin,
  { port, stateFolder }: { readonly port: number; readonly stateFolder: string },
): Promise<AsyncDisposable & { readonly login: ServeLogin }> {
  const { madeSecret } = login;
  if (madeSecret === undefined) return { login, [Symbol.asyncDispose]: async () => {} };
  const file = join(stateFolder, `serve-password-${port}`);
  try {
    await mkdir(stateFolder, { recursive: true, mode: 0o700 });
    await writeFile(file, `${madeSecret}\n`, { mode: 0o600 });
  } catch (error) {
    throw asMachineError(error, `cannot write the password to ${file}`);
  }
  const origin = `in ${file} (new for each start; set PBS_PASSWORD to choose one)`;
  return { login: { ...login, origin, file }, [Symbol.asyncDispose]: async () => await rm(file, { force: true }) };
}
