import { hash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

import { LockFiles } from './lock-files.ts';
import { lockName } from './lock-name.ts';

/** Any number may hold a shared lock at the same time, or one an exclusive one. */
export type LockMode = 'shared' | 'exclusive';

export interface HeldLock {
  /** Gives it up; once more does nothing. */
  release(): void;
}

export interface DatastoreLocksOptions {
  /**
   * Folder of lock files, so that processes agree: locks of all datastores are below it. Without one only this process
   * knows of its locks.
   */
  readonly folder?: string;
}

interface Holders {
  count: number;
  readonly mode: LockMode;
}

/** By path. What a process holds is a fact of the process, whatever number of servers it has. */
const held: Map<string, Holders> = new Map();

/**
 * The locks of a datastore's groups and snapshots, which nobody waits for, as in PBS: a backup has its group and its
 * snapshot exclusively and shares that which it builds on; a reader shares its snapshot; who removes a snapshot must have
 * it exclusively. As in PBS since 3.3.5 nothing of them is in the datastore (spec 8.1).
 *
 * PBS uses `flock`, which Node.js lacks: a lock is a file that names its process, and counts as long as that runs.
 */
export class DatastoreLocks {
  readonly #base: string;
  /** The same as it was given. */
  readonly #givenBase: string;
  readonly #folder: string;
  readonly #files: LockFiles | undefined;

  /** @param base folder of the datastore, which must be there; links in it are followed, so that each has one name */
  constructor(base: string, { folder }: DatastoreLocksOptions = {}) {
    this.#givenBase = base;
    this.#base = realpathSync(base);
    const name = hash('sha256', this.#base, 'hex').slice(0, 16);
    this.#folder = join(folder ?? 'this process', name);
    this.#files = folder === undefined ? undefined : new LockFiles(this.#folder);
  }

  /** What an error calls the lock of a group's or snapshot's folder. */
  pathOf(folder: string): string {
    return join(this.#folder, this.#nameOf(folder));
  }

  /**
   * Locks a group or a snapshot by its folder, which need not be there; undefined where others hold what that excludes.
   * System errors of the lock's file are thrown as they are.
   */
  async tryLock(folder: string, mode: LockMode): Promise<HeldLock | undefined> {
    const path = this.pathOf(folder);
    const holders = held.get(path);
    if (holders !== undefined && (mode === 'exclusive' || holders.mode === 'exclusive')) return undefined;
    const mine = holders ?? { count: 0, mode };
    mine.count += 1;
    held.set(path, mine);
    const leave = (): void => {
      mine.count -= 1;
      if (mine.count === 0) held.delete(path);
    };
    try {
      const file = await this.#files?.tryLock(this.#nameOf(folder), mode);
      if (file === undefined && this.#files !== undefined) {
        leave();
        return undefined;
      }
      return releasedOnce(() => {
        file?.release();
        leave();
      });
    } catch (error) {
      leave();
      throw error;
    }
  }

  #nameOf(folder: string): string {
    const isAsGiven = folder.startsWith(this.#givenBase + sep);
    return lockName(relative(isAsGiven ? this.#givenBase : this.#base, folder));
  }
}

function releasedOnce(release: () => void): HeldLock {
  let isHeld = true;
  return {
    release: () => {
      if (!isHeld) return;
      isHeld = false;
      release();
    },
  };
}
