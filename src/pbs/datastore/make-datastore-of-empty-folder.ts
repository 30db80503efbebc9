import { mkdir, readdir } from 'node:fs/promises';

import { asMachineError, systemErrorCode } from '../../model/errors.ts';
import { chunksFolder, modes } from './layout.ts';

/**
 * Makes a datastore of a folder that is there and has nothing in it; leaves every other one alone. Returns whether it
 * did. A folder that is not there is not made: it may be a slip of the pen.
 * @throws MachineError where the folder cannot be written
 */
export async function makeDatastoreOfEmptyFolder(path: string): Promise<boolean> {
  let names: readonly string[];
  try {
    names = await readdir(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return false;
    throw asMachineError(error, `opening the datastore ${path}`);
  }
  if (names.length > 0) return false;
  try {
    await mkdir(chunksFolder(path), { mode: modes.chunks });
  } catch (error) {
    throw asMachineError(error, `making a datastore of ${path}`);
  }
  return true;
}
