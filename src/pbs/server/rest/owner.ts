import { join } from 'node:path';

import { groupFolder, namespaceFolder } from '../../datastore/layout.ts';
import type { BackupGroup } from '../../format/snapshot-path.ts';
import { userOf } from '../access/accounts.ts';
import { readFileInside } from '../read-file-inside.ts';

/** Of a group whose it is (spec 8.1). */
export const OWNER_NAME = 'owner';

/** An auth id has at most 64 characters (spec 1.1). */
const MAX_OWNER_BYTES = 512;

/** Whether somebody owns what belongs to `owner`: themselves, or a token of exactly this user (spec 2.7). */
export const isOwner = (authId: string, owner: string): boolean => authId === owner || authId === userOf(owner);

/** Who owns a group; undefined where there is no such group, and where nothing says whose it is. */
export async function ownerOf(base: string, namespace: string, group: BackupGroup): Promise<string | undefined> {
  return await ownerIn(base, groupFolder(namespaceFolder(base, namespace), group));
}

/** {@link ownerOf} by the group's folder. */
export async function ownerIn(base: string, folder: string): Promise<string | undefined> {
  const owner = (await readFileInside(base, join(folder, OWNER_NAME), MAX_OWNER_BYTES))?.toString('utf8').trim();
  return owner === '' ? undefined : owner;
}
