import * as nodeFiles from 'node:fs/promises';

/** The calls by which a datastore is changed, so that a test can see their order and let any of them fail. */
export type FilePort = Pick<
  typeof nodeFiles,
  'chmod' | 'mkdir' | 'open' | 'rename' | 'rm' | 'rmdir' | 'stat' | 'unlink' | 'utimes'
>;

/** Those of the system. */
export const systemFiles: FilePort = nodeFiles;
