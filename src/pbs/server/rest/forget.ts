import { join } from 'node:path';

import { systemErrorCode } from '../../../model/errors.ts';
import type { FilePort } from '../../datastore/file-port.ts';
import { groupFolder, snapshotFolder } from '../../datastore/layout.ts';
import { listGroup } from '../../datastore/list-snapshots.ts';
import { realPathInside } from '../../datastore/real-path-inside.ts';
import { MANIFEST_NAME } from '../../format/archive-name.ts';
import type { BackupGroup, SnapshotPath } from '../../format/snapshot-path.ts';
import { isBoolean, isTrue } from '../parameters.ts';
import { groupOf, groupRules, namespaceRule, snapshotOf, snapshotRules, storeRule } from '../parameter-rules.ts';
import { dataAnswer } from '../public-request.ts';
import { Refusal } from '../refusal.ts';
import type { ServedStore } from '../served-store.ts';
import { manifestLockOf } from './change-manifest.ts';
import { findSnapshot } from './find-snapshot.ts';
import { NOTES_NAME } from './groups.ts';
import { namespaceOf } from './namespaces.ts';
import { OWNER_NAME } from './owner.ts';
import { authorizeGroup, requireWritable, type GroupRight, type RestEndpoint } from './rest-call.ts';
import { isProtected } from './snapshot-item.ts';

const right: GroupRight = { anyOf: ['Datastore.Modify'], ofOwner: 'Datastore.Prune' };

/** `DELETE /admin/datastore/{store}/snapshots`: not of one that is read or written (observed, x), nor a protected one. */
export const forgetSnapshot: RestEndpoint = {
  rules: { ...snapshotRules, ns: namespaceRule, store: storeRule },
  answer: async (call) => {
    const snapshot = snapshotOf(call.parameters);
    const access = await authorizeGroup(call, snapshot, right);
    requireWritable(access.store);
    const namespace = await namespaceOf(access);
    const folder = await findSnapshot(access.store.path, namespace, snapshot);
    if (await isProtected(folder)) throw new Refusal(400, 'cannot remove protected snapshot');
    const { files } = call.server;
    await destroySnapshot(access.store, folder, files).catch((error: unknown) => {
      throw failedTo('delete snapshot', error);
    });
    await removeEmptyGroup(access.store, namespace, snapshot, files);
    return dataAnswer(null);
  },
};

/**
 * `DELETE /admin/datastore/{store}/groups`: all snapshots but protected ones. One that cannot be removed is an error, which
 * does not save the others (observed, x).
 */
export const forgetGroup: RestEndpoint = {
  rules: {
    ...groupRules,
    'error-on-protected': { check: isBoolean, isOptional: true },
    ns: namespaceRule,
    store: storeRule,
  },
  answer: async (call) => {
    const group = groupOf(call.parameters);
    const access = await authorizeGroup(call, group, right);
    const { store } = access;
    requireWritable(store);
    const namespace = await namespaceOf(access);
    const groupPath = await realPathInside(store.path, groupFolder(namespace, group));
    if (groupPath === undefined) throw new Refusal(400, `group ${group.type}/${group.id} does not exist.`);
    const { files } = call.server;
    const outcome = await destroyAll(store, namespace, (await listGroup(namespace, group)).snapshots, files);
    if (outcome.failure !== undefined) throw failedTo('delete group', outcome.failure);
    if (outcome.protected > 0 && isTrue(call.parameters.get('error-on-protected') ?? 'true'))
      throw new Refusal(400, 'group only partially deleted due to protected snapshots');
    return dataAnswer({
      'protected-snapshots': outcome.protected,
      'removed-groups': (await removeEmptyGroup(store, namespace, group, files)) ? 1 : 0,
      'removed-snapshots': outcome.removed,
    });
  },
};

interface GroupOutcome {
  readonly protected: number;
  readonly removed: number;
  /** The first of several. */
  readonly failure: unknown;
}

async function destroyAll(
  store: ServedStore,
  namespace: string,
  snapshots: readonly { readonly snapshot: SnapshotPath }[],
  files: FilePort,
): Promise<GroupOutcome> {
  let [protectedOnes, removed] = [0, 0];
  let failure: unknown;
  for (const { snapshot } of snapshots) {
    const folder = await realPathInside(store.path, snapshotFolder(namespace, snapshot));
    if (folder === undefined) continue;
    if (await isProtected(folder)) {
      protectedOnes += 1;
      continue;
    }
    try {
      await destroySnapshot(store, folder, files);
      removed += 1;
    } catch (error) {
      failure ??= error;
    }
  }
  return { protected: protectedOnes, removed, failure };
}

/** The manifest goes first: what is left by a crash is an unfinished snapshot, which nobody takes for a whole one. */
async function destroySnapshot({ locks }: ServedStore, folder: string, files: FilePort): Promise<void> {
  const busy = (what: string, path: string): Refusal =>
    new Refusal(
      400,
      `while destroying snapshot ${JSON.stringify(folder)}: unable to acquire ${what} lock ${JSON.stringify(locks.pathOf(path))}`,
    );
  const lock = await locks.tryLock(folder, 'exclusive');
  if (lock === undefined) throw busy('snapshot', folder);
  try {
    // Whoever changes notes would put the manifest back.
    const manifestLockPath = manifestLockOf(folder);
    const manifestLock = await locks.tryLock(manifestLockPath, 'exclusive');
    if (manifestLock === undefined) throw busy('manifest', manifestLockPath);
    try {
      await files.rm(join(folder, MANIFEST_NAME), { force: true });
      await files.rm(folder, { recursive: true, force: true });
    } finally {
      manifestLock.release();
    }
  } finally {
    lock.release();
  }
}

/** Of a group whose last snapshot is gone nothing is left, unless it is just being backed up to. */
async function removeEmptyGroup(
  { path, locks }: ServedStore,
  namespace: string,
  group: BackupGroup,
  files: FilePort,
): Promise<boolean> {
  const folder = await realPathInside(path, groupFolder(namespace, group));
  const lock = folder === undefined ? undefined : await locks.tryLock(folder, 'exclusive');
  if (folder === undefined || lock === undefined) return false;
  try {
    if ((await listGroup(namespace, group)).snapshots.length > 0) return false;
    for (const name of [OWNER_NAME, NOTES_NAME]) await files.rm(join(folder, name), { force: true });
    await files.rmdir(folder);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOTEMPTY' || systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  } finally {
    lock.release();
  }
}

const failedTo = (what: string, error: unknown): unknown =>
  error instanceof Refusal ? new Refusal(error.status, `failed to ${what} - ${error.message}`) : error;
