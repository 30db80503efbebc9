import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { KnownError, systemErrorCode } from '../model/errors.ts';
import { parseJournal, type RestoredArchive } from './journal-format.ts';

/** A restore to a device that has not reached its end. */
export interface UnfinishedRestore {
  /** Path of the device. */
  readonly device: string;
  readonly archive: RestoredArchive;
  /** What its journal tells of. */
  readonly restoredBytes: number;
}

const SUFFIX = '.journal';

/** The name of a device's journal: one for each path. */
export const deviceJournalName = (device: string): string =>
  `${encodeURIComponent(device.replace(/^\//u, ''))}${SUFFIX}`;

/** What the journals of a folder tell of; one that cannot be read, and a folder that is not there, are passed over. */
export async function listUnfinishedRestores(folder: string): Promise<readonly UnfinishedRestore[]> {
  const names = await readdir(folder).catch((error: unknown): string[] => {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return [];
    throw error;
  });
  const unfinished: UnfinishedRestore[] = [];
  for (const name of names.toSorted().filter((candidate) => candidate.endsWith(SUFFIX))) {
    try {
      const path = join(folder, name);
      const journal = parseJournal(await readFile(path, 'utf8'), path);
      if (journal === undefined) continue;
      const device = `/${decodeURIComponent(name.slice(0, -SUFFIX.length))}`;
      unfinished.push({ device, archive: journal.archive, restoredBytes: journal.restored.bytes });
    } catch (error) {
      if (!(error instanceof KnownError || error instanceof URIError) && systemErrorCode(error) !== 'ENOENT')
        throw error;
    }
  }
  return unfinished;
}
