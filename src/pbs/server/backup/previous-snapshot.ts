import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { MANIFEST_NAME } from '../../format/archive-name.ts';
import { isJsonObject } from '../../format/json-object.ts';
import { MAX_ENCODED_MANIFEST_BYTES, parseManifest } from '../../format/manifest.ts';
import { parseBackupTime } from '../../format/snapshot-path.ts';
import { readWholeFile } from '../read-whole-file.ts';

/** A snapshot that a backup builds on. */
export interface PreviousSnapshot {
  readonly folder: string;
  /** Unix seconds. */
  readonly time: number;
}

/** The newest finished snapshot of a group, by the folder of the group; undefined where there is none. */
export async function lastFinishedSnapshot(groupFolder: string): Promise<PreviousSnapshot | undefined> {
  const times = (await readdir(groupFolder)).flatMap((name) => timeOf(name) ?? []).sort((a, b) => b.time - a.time);
  for (const { name, time } of times) {
    const folder = join(groupFolder, name);
    const isFinished = await access(join(folder, MANIFEST_NAME)).then(
      () => true,
      () => false,
    );
    if (isFinished) return { folder, time };
  }
  return undefined;
}

/**
 * Whether a verify job has found damage in it, so that nothing may build on it (spec 5.1).
 * @throws IntegrityError for a manifest that cannot be read; system errors as they are
 */
export async function isKnownDamaged({ folder }: PreviousSnapshot): Promise<boolean> {
  const { unprotected } = parseManifest(await readWholeFile(join(folder, MANIFEST_NAME), MAX_ENCODED_MANIFEST_BYTES));
  const { verify_state: verified } = unprotected;
  return isJsonObject(verified) && verified['state'] === 'failed';
}

function timeOf(name: string): { readonly name: string; readonly time: number } | undefined {
  try {
    return { name, time: parseBackupTime(name) };
  } catch {
    return undefined;
  }
}
