import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { asMachineError, MachineError, systemErrorCode } from '../model/errors.ts';

export interface MakeFolderOptions {
  /** What needs it: the beginning of the message. */
  readonly doing: string;
  /** Of every folder that is made. */
  readonly mode?: number;
  readonly hint?: string;
}

/**
 * Makes a folder and those above it that are not there yet. `mkdir` of Node.js with `recursive` never returns, and keeps
 * a core busy, where the system says "no such file" of a name in a folder that is there: /proc and automounts do.
 * @throws MachineError
 */
export async function makeFolder(path: string, { doing, mode = 0o777, hint }: MakeFolderOptions): Promise<void> {
  try {
    await makeMissing(path, mode);
  } catch (error) {
    const known = asMachineError(error, doing);
    const code = systemErrorCode(error);
    if (known instanceof MachineError || code === undefined) throw known;
    throw new MachineError(`${doing}: ${code === 'EEXIST' ? 'a file stands there' : (error as Error).message}`, {
      code: 'folder-not-made',
      hint: hint ?? 'no folder can be made there: choose another place',
      cause: error,
    });
  }
}

async function makeMissing(path: string, mode: number): Promise<void> {
  try {
    await makeOne(path, mode);
  } catch (error) {
    const above = dirname(path);
    if (systemErrorCode(error) !== 'ENOENT' || above === path) throw error;
    await makeMissing(above, mode);
    await makeOne(path, mode);
  }
}

async function makeOne(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    // A read-only file system refuses also what is there already.
    const isFolder = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isFolder) throw error;
  }
}
