import { lstat, open, rename, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { syncFolder } from '../journal/sync-folder.ts';
import { asMachineError, systemErrorCode, UsageError } from '../model/errors.ts';
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
 * @throws UsageError `target-exists`, `target-folder-missing`, `partial-unknown`; MachineError
 */
export async function checkNewFile(target: string, { journalPath, discards }: NewFileOptions): Promise<void> {
  await checkAbsent(target);
  const partial = partialPath(target);
  if (!(await isFolder(dirname(target)))) {
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
        await rename(path, target);
        await syncFolder(dirname(target));
      },
      [Symbol.asyncDispose]: async () => await file.close(),
    };
  } catch (error) {
    throw asMachineError(error, `making ${path}`);
  }
}

async function openOrCreate(path: string): Promise<{ readonly file: FileHandle; readonly isNew: boolean }> {
  try {
    return { file: await open(path, 'r+'), isNew: false };
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    return { file: await open(path, 'wx+', OWNER_ONLY), isNew: true };
  }
}

async function checkAbsent(target: string): Promise<void> {
  if (!(await exists(target))) return;
  throw new UsageError(`the target ${target} exists already`, {
    code: 'target-exists',
    hint: 'restores only write new files and block devices: name another path, or remove it',
  });
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

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
