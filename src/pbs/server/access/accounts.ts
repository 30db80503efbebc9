import { privileges, roles, type Privilege, type RoleName } from './roles.ts';
import type { StoredSecret } from './stored-secret.ts';

/** Who may use a server, and what for. Plain data, so that it can be sent to the server's process. */
export interface Accounts {
  readonly users: readonly UserAccount[];
  readonly acl: readonly AclEntry[];
}

export interface UserAccount {
  /** `bench@pbs` */
  readonly id: string;
  /** A user without a password cannot log in, but their tokens can be used. */
  readonly password?: StoredSecret;
  readonly tokens: readonly TokenAccount[];
}

export interface TokenAccount {
  /** `ci` of `bench@pbs!ci` */
  readonly name: string;
  readonly secret: StoredSecret;
}

/** Gives a role to a user or token. */
export interface AclEntry {
  /** `/`, `/datastore/tank` or `/datastore/tank/namespace` */
  readonly path: string;
  /** `bench@pbs` or `bench@pbs!ci` */
  readonly authId: string;
  readonly role: RoleName;
  /** Whether it holds below the path, too. */
  readonly propagate: boolean;
}

/** The user who may do everything without an entry, as in PBS. */
const SUPERUSER = 'root@pam';

/** The user of a token; the id itself of a user. */
export function userOf(authId: string): string {
  const mark = authId.lastIndexOf('!');
  return mark > authId.lastIndexOf('@') ? authId.slice(0, mark) : authId;
}

export const isToken = (authId: string): boolean => userOf(authId) !== authId;

/** Parts of an ACL path: none of `/`. */
const pathParts = (path: string): readonly string[] => path.split('/').filter((part) => part !== '');

/**
 * What somebody may do at a path, given as its parts: the entries of the deepest part count, those above only where it
 * has none. A token may do what both it and its user may (spec 2.4).
 */
export function privilegesAt(accounts: Accounts, authId: string, path: readonly string[]): ReadonlySet<Privilege> {
  if (!isToken(authId)) return ownPrivilegesAt(accounts, authId, path);
  return ownPrivilegesAt(accounts, authId, path).intersection(ownPrivilegesAt(accounts, userOf(authId), path));
}

function ownPrivilegesAt({ acl }: Accounts, authId: string, path: readonly string[]): ReadonlySet<Privilege> {
  if (authId === SUPERUSER) return new Set(privileges);
  let found: readonly AclEntry[] = [];
  for (let depth = 0; depth <= path.length; depth += 1) {
    const at = path.slice(0, depth).join('/');
    const entries = acl.filter(
      (entry) =>
        entry.authId === authId && pathParts(entry.path).join('/') === at && (entry.propagate || depth === path.length),
    );
    if (entries.length > 0) found = entries;
  }
  if (found.some(({ role }) => role === 'NoAccess')) return new Set();
  return new Set(found.flatMap(({ role }) => roles[role]));
}

/** Whether somebody may do anything somewhere below a path: then PBS lets them see that it is there. */
export function hasPrivilegesBelow(accounts: Accounts, authId: string, path: readonly string[]): boolean {
  return accounts.acl.some((entry) => {
    const parts = pathParts(entry.path);
    return (
      parts.length > path.length &&
      path.every((part, index) => parts[index] === part) &&
      privilegesAt(accounts, authId, parts).size > 0
    );
  });
}

/** One user, or one API token where the id has a `!`, who may do everything. */
export function soleAccount(authId: string, secret: string): Accounts {
  const user = userOf(authId);
  const stored: StoredSecret = { kind: 'plain', text: secret };
  const account: UserAccount = isToken(authId)
    ? { id: user, tokens: [{ name: authId.slice(user.length + 1), secret: stored }] }
    : { id: user, password: stored, tokens: [] };
  const everything = { path: '/', role: 'Admin', propagate: true } as const;
  return { users: [account], acl: [...new Set([user, authId])].map((id) => ({ ...everything, authId: id })) };
}
