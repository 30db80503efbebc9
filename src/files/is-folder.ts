import { stat } from 'node:fs/promises';

import { systemErrorCode } from '../model/errors.ts';

/** Whether there is a folder at a path, as of now: others may remove it at any time. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') return false;
    throw error;
  }
}
