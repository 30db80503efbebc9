import { join } from 'node:path';

import { DurableFiles } from '../../datastore/durable-files.ts';
import type { FilePort } from '../../datastore/file-port.ts';
import { MANIFEST_NAME } from '../../format/archive-name.ts';
import { encodeManifest, MAX_ENCODED_MANIFEST_BYTES, parseManifest, type Manifest } from '../../format/manifest.ts';
import { osErrorText } from '../os-error-text.ts';
import { readWholeFile } from '../read-whole-file.ts';
import { Refusal } from '../refusal.ts';
import type { ServedStore } from '../served-store.ts';

/** What PBS calls the lock of a manifest that is changed (spec 8.1). */
const LOCK_NAME = '.index.json.lck';

/** By which whoever changes or removes a snapshot's manifest keeps others from it. */
export const manifestLockOf = (folder: string): string => join(folder, LOCK_NAME);

/** @throws Refusal 400 where there is none that can be read, which a snapshot that is being written has not yet */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, MANIFEST_NAME);
  try {
    return parseManifest(await readWholeFile(path, MAX_ENCODED_MANIFEST_BYTES));
  } catch (error) {
    throw new Refusal(400, `unable to load blob ${JSON.stringify(path)} - ${osErrorText(error)}`);
  }
}

/**
 * Changes what of a snapshot's manifest is not signed, for others all at once.
 * @throws Refusal 400 as {@link readManifest}, and while somebody else changes it
 */
export async function changeManifest(
  { locks }: ServedStore,
  folder: string,
  files: FilePort,
  change: (unprotected: Manifest['unprotected']) => Manifest['unprotected'],
): Promise<void> {
  const path = join(folder, MANIFEST_NAME);
  const lockName = manifestLockOf(folder);
  const lock = await locks.tryLock(lockName, 'exclusive');
  if (lock === undefined)
    throw new Refusal(400, `unable to acquire manifest lock ${JSON.stringify(locks.pathOf(lockName))}`);
  try {
    const manifest = await readManifest(folder);
    const durable = new DurableFiles(files);
    await durable.write(path, encodeManifest({ ...manifest, unprotected: change(manifest.unprotected) }));
    await durable.flush();
  } finally {
    lock.release();
  }
}
