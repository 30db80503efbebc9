import { UsageError } from '../model/errors.ts';
import type { RemoteSnapshot } from '../pbs/client/remote-snapshots.ts';
import { formatGroup, formatSnapshotPath, type BackupGroup, type SnapshotPath } from '../pbs/format/snapshot-path.ts';
import { seedMark } from './seed-mark.ts';

/** A finished snapshot, as far as seeding must know it. */
export type ExistingSnapshot = Pick<RemoteSnapshot, 'snapshot' | 'comment'>;

/** One backup that is still to be made. */
export interface PlannedBackup {
  readonly snapshot: SnapshotPath;
  /** Its place in the history, from 0. */
  readonly backup: number;
}

export interface SeedPlanOptions {
  readonly group: BackupGroup;
  /** See `historyId`. */
  readonly history: string;
  /** Backups that the group is to hold in the end. */
  readonly depth: number;
  /** The finished ones of the group, in any order. */
  readonly existing: readonly ExistingSnapshot[];
  /** Unix seconds. */
  readonly now: number;
}

const DAY_SECONDS = 86_400;

/**
 * Which backups are missing in a group, and of which times: a day apart, the newest now, and all of them newer than those that
 * are there. None where the history is complete.
 * @throws UsageError `group-not-seeded` where the newest snapshot of the group is not one of this history
 */
export function planSeed({ group, history, depth, existing, now }: SeedPlanOptions): readonly PlannedBackup[] {
  const newest = existing.toSorted((left, right) => left.snapshot.time - right.snapshot.time).at(-1);
  const mark = newest === undefined ? undefined : seedMark(group, newest.comment);
  if (newest !== undefined && mark?.history !== history) {
    throw new UsageError(
      `the group ${formatGroup(group)} holds ${formatSnapshotPath(newest.snapshot)}, which is ${mark === undefined ? 'not a seeded snapshot' : 'of another synthetic image'}`,
      {
        code: 'group-not-seeded',
        hint: 'choose another --group, or remove what was seeded with `restorelab seed --forget`',
      },
    );
  }
  const first = mark === undefined ? 0 : mark.backup + 1;
  const missing = Math.max(0, depth - first);
  return Array.from({ length: missing }, (_, index) => ({
    backup: first + index,
    snapshot: {
      ...group,
      time: Math.max(now - (missing - 1 - index) * DAY_SECONDS, (newest?.snapshot.time ?? 0) + 1 + index),
    },
  }));
}
