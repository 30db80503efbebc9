import { systemErrorCode } from '../../model/errors.ts';
import { realPathInside } from '../datastore/real-path-inside.ts';
import { readWholeFile } from './read-whole-file.ts';

/** The bytes of a file of a datastore; undefined where there is none, also as of now, and where a link leads to it. */
export async function readFileInside(base: string, path: string, maxBytes: number): Promise<Buffer | undefined> {
  const found = await realPathInside(base, path);
  if (found === undefined) return undefined;
  try {
    return await readWholeFile(found, maxBytes);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
