import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { systemErrorCode } from '../../../model/errors.ts';
import { DurableFiles } from '../../datastore/durable-files.ts';
import type { FilePort } from '../../datastore/file-port.ts';
import { groupFolder, modes, snapshotFolder } from '../../datastore/layout.ts';
import { realPathInside } from '../../datastore/real-path-inside.ts';
import type { SnapshotPath } from '../../format/snapshot-path.ts';
import type { DatastoreLocks, HeldLock } from '../../lock/datastore-locks.ts';
import { osErrorText } from '../os-error-text.ts';
import { Refusal } from '../refusal.ts';
import { isOwner, OWNER_NAME, ownerIn } from '../rest/owner.ts';
import { isKnownDamaged, lastFinishedSnapshot, type PreviousSnapshot } from './previous-snapshot.ts';

export interface BackupPlaceOptions {
  /** Folder of the datastore. */
  readonly base: string;
  /** Folder of the namespace, which may not be there; that of the datastore for its root. */
  readonly namespaceFolder: string;
  readonly snapshot: SnapshotPath;
  /** User or token that makes the backup, e.g. `bench@pbs!t1`. */
  readonly authId: string;
  /** A benchmark's group belongs to everybody (spec 2.7). */
  readonly isBenchmark: boolean;
  readonly locks: DatastoreLocks;
  readonly files: FilePort;
}

/** Where a backup writes: the folder of its snapshot, which nobody else can use until it is over. */
export class BackupPlace {
  readonly base: string;
  readonly folder: string;
  /** What it may build on. */
  readonly previous: PreviousSnapshot | undefined;
  readonly durable: DurableFiles;
  readonly #options: BackupPlaceOptions;
  readonly #locks: readonly HeldLock[];

  private constructor(
    options: BackupPlaceOptions,
    durable: DurableFiles,
    previous: PreviousSnapshot | undefined,
    locks: readonly HeldLock[],
  ) {
    this.#options = options;
    this.base = options.base;
    this.folder = snapshotFolder(options.namespaceFolder, options.snapshot);
    this.previous = previous;
    this.durable = durable;
    this.#locks = locks;
  }

  /**
   * Does what PBS does when a backup begins (spec 5.1), in its order; leaves nothing behind where it fails.
   * @throws Refusal; system errors as a Refusal 400
   */
  static async take(options: BackupPlaceOptions): Promise<BackupPlace> {
    const { base, namespaceFolder, snapshot, locks, files } = options;
    const group = groupFolder(namespaceFolder, snapshot);
    const folder = snapshotFolder(namespaceFolder, snapshot);
    const durable = new DurableFiles(files);
    const taken: HeldLock[] = [];
    if ((await realPathInside(base, namespaceFolder)) === undefined) throw new Refusal(404, 'namespace not found');
    try {
      const groupLock = await locks.tryLock(group, 'exclusive');
      if (groupLock === undefined) throw busy('group', locks.pathOf(group), `creating locked backup group "${group}"`);
      taken.push(groupLock);
      await makeGroup(durable, namespaceFolder, options);
      const { previous, lock } = (await lockPrevious(group, locks)) ?? {};
      if (lock !== undefined) taken.push(lock);
      if (previous !== undefined && snapshot.time <= previous.time)
        throw new Refusal(400, 'backup timestamp is older than last backup.');
      const own = await locks.tryLock(folder, 'exclusive');
      if (own === undefined) throw busy('snapshot', locks.pathOf(folder), `creating snapshot directory "${folder}"`);
      taken.push(own);
      if (!(await durable.makeFolder(folder, modes.group))) throw new Refusal(400, 'backup directory already exists.');
      return new BackupPlace(options, durable, previous, taken);
    } catch (error) {
      if (taken.length > 0) await removeEmptyGroup(options).catch(() => {});
      for (const lock of taken) lock.release();
      throw error instanceof Refusal
        ? error
        : new Refusal(400, `while creating backup "${folder}": ${osErrorText(error)}`);
    }
  }

  /** The backup is complete. */
  release(): void {
    for (const lock of this.#locks) lock.release();
  }

  /** The backup is not complete: removes it, and its group where nothing else is in it. */
  async remove(): Promise<void> {
    try {
      await this.#options.files.rm(this.folder, { recursive: true, force: true });
      await removeEmptyGroup(this.#options);
    } finally {
      this.release();
    }
  }
}

/** The snapshot that a backup builds on, which nobody can remove from then on; undefined where there is none to build on. */
async function lockPrevious(
  group: string,
  locks: DatastoreLocks,
): Promise<{ readonly previous: PreviousSnapshot; readonly lock: HeldLock } | undefined> {
  for (;;) {
    const previous = await lastFinishedSnapshot(group);
    if (previous === undefined) return undefined;
    const lock = await locks.tryLock(previous.folder, 'shared');
    if (lock === undefined)
      throw busy('snapshot', locks.pathOf(previous.folder), `locking previous backup "${previous.folder}"`);
    try {
      if (!(await isKnownDamaged(previous))) return { previous, lock };
      lock.release();
      return undefined;
    } catch (error) {
      lock.release();
      // It was removed just before: the one before it is the last now.
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    }
  }
}

async function makeGroup(
  durable: DurableFiles,
  namespaceFolder: string,
  { base, snapshot, authId, isBenchmark }: BackupPlaceOptions,
): Promise<void> {
  const folder = groupFolder(namespaceFolder, snapshot);
  const typeFolder = join(namespaceFolder, snapshot.type);
  await durable.makeFolder(typeFolder, modes.group);
  await requireInside(base, typeFolder);
  const isNew = await durable.makeFolder(folder, modes.group);
  await requireInside(base, folder);
  const owner = await ownerIn(base, folder);
  if (owner === undefined) {
    // Somebody's backups without their name must not become those of whoever comes first (spec 8.5).
    if (!isNew && (await readdir(folder)).length > 0) throw new Refusal(400, `the group "${folder}" has no owner`);
    await durable.write(join(folder, OWNER_NAME), Buffer.from(`${authId}\n`));
  } else if (!isBenchmark && !isOwner(authId, owner))
    throw new Refusal(400, `backup owner check failed (${authId} != ${owner})`);
}

/** Whoever may write into a datastore may also link: nothing is written where a link leads out of it. */
async function requireInside(base: string, folder: string): Promise<void> {
  if ((await realPathInside(base, folder)) === undefined) throw new Refusal(400, `"${folder}" leads elsewhere`);
}

/** Removes a group's folder in which there is nothing but its owner; the group must be locked. */
async function removeEmptyGroup({ base, namespaceFolder, snapshot, files }: BackupPlaceOptions): Promise<void> {
  const folder = groupFolder(namespaceFolder, snapshot);
  await requireInside(base, folder);
  const names = await readdir(folder);
  if (names.some((name) => name !== OWNER_NAME)) return;
  await files.rm(join(folder, OWNER_NAME), { force: true });
  await files.rmdir(folder);
}

const busy = (what: string, lock: string, doing: string): Refusal =>
  new Refusal(400, `unable to acquire backup ${what} lock "${lock}" while ${doing}`);
