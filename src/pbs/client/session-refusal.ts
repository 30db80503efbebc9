import { IntegrityError, ServerError, type KnownError } from '../../model/errors.ts';
import { MANIFEST_NAME } from '../format/archive-name.ts';

/** What a reader session answers where there is no such file (spec 4.1 and 4.2; observed, vii). */
const isMissing = (quoted: string): boolean => /No such file or directory|not found/u.test(quoted);

/**
 * What it means that a file of the snapshot was refused, although the snapshot was there when the session began.
 * @param quoted the server's words, without secrets
 */
export function fileRefused(name: string, status: number, quoted: string): KnownError {
  if (isMissing(quoted) && name === MANIFEST_NAME) {
    return new IntegrityError(`the snapshot has no ${name}: ${quoted}`, {
      code: 'snapshot-unfinished',
      hint: 'its backup was interrupted, or it was removed a moment ago: choose another snapshot',
    });
  }
  if (isMissing(quoted)) {
    return new IntegrityError(`${name} is missing, though the manifest lists it: ${quoted}`, {
      code: 'file-missing',
      hint: 'the snapshot may have been removed a moment ago: list the snapshots, and choose another one',
    });
  }
  return new ServerError(`the server refused ${name} with status ${status}: ${quoted}`, {
    code: 'download-refused',
    hint: 'check the log of the server',
  });
}

/** The same for a chunk. */
export function chunkRefused(digest: string, status: number, quoted: string): KnownError {
  if (isMissing(quoted)) {
    return new IntegrityError(`chunk ${digest} is missing in the datastore: ${quoted}`, {
      code: 'chunk-missing',
      hint: 'run a verify job on the server: it shows which backups are damaged',
    });
  }
  return new ServerError(`the server refused chunk ${digest} with status ${status}: ${quoted}`, {
    code: 'chunk-refused',
    hint: 'check the log of the server; chunks are allowed once their index was downloaded on the same connection',
  });
}
