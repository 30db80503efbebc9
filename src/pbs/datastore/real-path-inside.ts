import { realpath } from 'node:fs/promises';
import { sep } from 'node:path';

import { systemErrorCode } from '../../model/errors.ts';

/** Errors that say that there is nothing at a path. */
const absent: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

/**
 * Where a path of a datastore really is, links followed; undefined where there is nothing, and where a link leads out of
 * the datastore: names are checked before they become paths, but whoever may write into a datastore may also link.
 */
export async function realPathInside(base: string, path: string): Promise<string | undefined> {
  try {
    const [root, found] = await Promise.all([realpath(base), realpath(path)]);
    return found === root || found.startsWith(root.endsWith(sep) ? root : root + sep) ? found : undefined;
  } catch (error) {
    if (absent.has(systemErrorCode(error))) return undefined;
    throw error;
  }
}
