import { lstat, open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { isFolder } from '../files/is-folder.ts';
import { syncFolder } from '../journal/sync-folder.ts';
import { asMachineError, MachineError, systemErrorCode, UsageError } from '../model/errors.ts';
import type { RestoreMedium } from './restore-medium.ts';

/** A disk holds what only its owner may read. */
const OWNER_ONLY = 0o600;

/** Where the bytes of a file are until all of them are there. */
export const partialPath = (target: string): string => `${target}.partial`;

export interface NewFileOptions {
  readonly journalPath: string;
  /** Whether a partial file will be discarded, so that it matters not what is in it. */
  readonly discards: boolean;
}

/**
 * Refuses a target that is there already, one whose folder is not there, and a partial file that no journal tells of.
 * @throws UsageError `target-exists`, `target-kind`, `target-folder-missing`, `partial-unknown`; MachineError
 */
export async function checkNewFile(target: string, { journalPath, discards }: NewFileOptions): Promise<void> {
  await checkAbsent(target, discards);
  const partial = partialPath(target);
  const isThere = await isFolder(dirname(target)).catch((error: unknown) => {
    throw asMachineError(error, `looking for ${dirname(target)}`);
  });
  if (!isThere) {
    throw new UsageError(`the folder of the target ${target} does not exist`, {
      code: 'target-folder-missing',
      hint: 'make the folder first, or name another path',
    });
  }
  if (!discards && (await exists(partial)) && !(await exists(journalPath))) {
    throw new UsageError(`${partial} exists, and there is no journal that says what is in it`, {
      code: 'partial-unknown',
      hint: 'name another target, or discard the file and begin anew with --restart',
    });
  }
}

/** Whether an earlier restore has left something. */
export const hasPartialFile = async (target: string): Promise<boolean> => await exists(partialPath(target));

/**
 * Removes the partial file of an earlier restore, if there is one.
 * @throws MachineError
 */
export async function removePartialFile(target: string): Promise<void> {
  const path = partialPath(target);
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw asMachineError(error, `removing ${path}`);
  }
}

/**
 * The file beside `target` that becomes it, with the image's size from the start and blocks only where something was
 * written.
 * @throws MachineError where it cannot be made
 */
export async function openPartialFile(target: string, size: number): Promise<RestoreMedium> {
  const path = partialPath(target);
  try {
    const { file, isNew } = await openOrCreate(path);
    try {
      await requireFile(path);
      // Also of one whose tail was cut: what is missing is then read back as zeros, and found to be wrong.
      await file.truncate(size);
      await syncFolder(dirname(path));
    } catch (error) {
      await file.close();
      throw error;
    }
    return {
      path,
      file,
      isNew,
      isSparse: true,
      publish: async () => {
        await checkAbsent(target);
        await checkUnchanged(path, file);
        await rename(path, target);
        await syncFolder(dirname(target));
      },
      [Symbol.asyncDispose]: async () => await file.close(),
    };
  } catch (error) {
    throw asMachineError(error, `making ${path}`);
  }
}

/** Through a link, the bytes of a disk would come to be where nobody expects them. */
async function requireFile(path: string): Promise<void> {
  if ((await lstat(path)).isFile()) return;
  throw new UsageError(`${path}, where the bytes would be until all are there, is not a file`, {
    code: 'partial-unknown',
    hint: 'name another target, or remove it',
  });
}

async function openOrCreate(path: string): Promise<{ readonly file: FileHandle; readonly isNew: boolean }> {
  try {
    return { file: await open(path, 'r+'), isNew: false };
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    return { file: await open(path, 'wx+', OWNER_ONLY), isNew: true };
  }
}

/** Only what this restore has written may get the name of the finished file. */
async function checkUnchanged(path: string, file: FileHandle): Promise<void> {
  const written = await file.stat({ bigint: true });
  const found = await stat(path, { bigint: true }).catch((error: unknown) => {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  });
  if (found?.ino === written.ino && found.dev === written.dev) return;
  throw new MachineError(
    `${path} was ${found === undefined ? 'removed' : 'replaced by another file'} while it was restored to`,
    { code: 'partial-replaced' },
  );
}

/** `discards`: whether the user has asked to begin anew, which never means to lose a finished file. */
async function checkAbsent(target: string, discards = false): Promise<void> {
  if (!(await exists(target))) return;
  const kind = await unfitKind(target);
  if (kind !== undefined) {
    throw new UsageError(`the target ${target} is ${kind}, which cannot be restored to`, {
      code: 'target-kind',
      hint: 'name a new file, a block device, or - for standard output',
    });
  }
  throw new UsageError(`the target ${target} exists already`, {
    code: 'target-exists',
    hint: discards
      ? '--restart discards what a restore that was broken off has left, never a finished file: name another path, or remove it'
      : 'restores only write new files and block devices: name another path, or remove it',
  });
}

/** What cannot be restored to whatever is done about it; undefined for a file. */
async function unfitKind(path: string): Promise<string | undefined> {
  // A link to nothing stands for a file.
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || found.isFile()) return undefined;
  if (found.isDirectory()) return 'a folder';
  return found.isCharacterDevice() ? 'a character device' : 'a pipe or a socket';
}

/** Whether anything has this name, be it a link to nothing. */
async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw asMachineError(error, `looking for ${path}`);
  }
}
