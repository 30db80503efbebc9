import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { asMachineError, systemErrorCode } from '../../model/errors.ts';
import { isServerArchiveName, MANIFEST_NAME } from '../format/archive-name.ts';
import {
  backupTypes,
  compareGroups,
  formatSnapshotPath,
  isBackupId,
  parseSnapshotPath,
  type BackupGroup,
  type SnapshotPath,
} from '../format/snapshot-path.ts';
import { groupFolder, snapshotFolder } from './layout.ts';

export interface ListedSnapshot {
  readonly snapshot: SnapshotPath;
  /** `vm/100/2026-02-16T16:30:44Z` */
  readonly name: string;
  /** Indexes and blobs, sorted by name. */
  readonly files: readonly string[];
  /** It has a manifest. */
  readonly isFinished: boolean;
}

export interface ListedGroup extends BackupGroup {
  /** User or token that owns it; absent where nothing says so, and then PBS itself ignores the group. */
  readonly owner?: string;
  /** Oldest first. */
  readonly snapshots: readonly ListedSnapshot[];
}

/** Groups of a namespace, given by its folder, in the order of PBS, each with its snapshots. */
export async function listGroups(base: string): Promise<readonly ListedGroup[]> {
  const groups: ListedGroup[] = [];
  for (const type of backupTypes) {
    for (const id of await names(join(base, type))) {
      if (isBackupId(id)) groups.push(await listGroup(base, { type, id }));
    }
  }
  return groups.sort(compareGroups);
}

/** One group; without snapshots if there is none. */
export async function listGroup(base: string, group: BackupGroup): Promise<ListedGroup> {
  const folder = groupFolder(base, group);
  const snapshots: ListedSnapshot[] = [];
  for (const time of await names(folder)) {
    const snapshot = snapshotNamed(`${group.type}/${group.id}/${time}`);
    if (snapshot !== undefined) snapshots.push(await listSnapshot(base, snapshot));
  }
  snapshots.sort((left, right) => left.snapshot.time - right.snapshot.time);
  const owner = await readOwner(folder);
  return { type: group.type, id: group.id, ...(owner === undefined ? {} : { owner }), snapshots };
}

/** One snapshot; without files if there is none. */
export async function listSnapshot(base: string, snapshot: SnapshotPath): Promise<ListedSnapshot> {
  const found = await names(snapshotFolder(base, snapshot));
  const files = found.filter((name) => isServerArchiveName(name)).sort();
  return { snapshot, name: formatSnapshotPath(snapshot), files, isFinished: files.includes(MANIFEST_NAME) };
}

async function readOwner(folder: string): Promise<string | undefined> {
  try {
    const owner = (await readFile(join(folder, 'owner'), 'utf8')).trimEnd();
    return owner === '' ? undefined : owner;
  } catch (error) {
    // Where a file stands in the place of a group there is no group.
    if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') return undefined;
    throw asMachineError(error, `reading the owner of ${folder}`);
  }
}

/** Names in a folder; none where it is absent or no folder. */
async function names(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') return [];
    throw asMachineError(error, `listing ${folder}`);
  }
}

function snapshotNamed(name: string): SnapshotPath | undefined {
  try {
    return parseSnapshotPath(name);
  } catch {
    return undefined;
  }
}
