import { UsageError } from '../../model/errors.ts';

/** In the order in which PBS sorts them (spec 1.4). */
export const backupTypes = ['ct', 'host', 'vm'] as const;
export type BackupType = (typeof backupTypes)[number];

export interface BackupGroup {
  readonly type: BackupType;
  readonly id: string;
}

export interface SnapshotPath extends BackupGroup {
  /** Unix seconds, at least 1. */
  readonly time: number;
}

const idPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/u;
const timePattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/u;

/** 9999-12-31T23:59:59Z, the last that the form can write. */
const MAX_TIME = 253_402_300_799;
const MAX_U64 = 2n ** 64n - 1n;
const MAX_ID_LENGTH = 255;

export const isBackupType = (text: string): text is BackupType => (backupTypes as readonly string[]).includes(text);

/** Whether the text may be the id of a group: never a path. */
export const isBackupId = (text: string): boolean => text.length <= MAX_ID_LENGTH && idPattern.test(text);

/**
 * `2025-08-12T10:00:00Z` of 1754992800.
 * @throws UsageError `backup-time` outside of 1970-01-01T00:00:01Z to the year 9999
 */
export function formatBackupTime(unixSeconds: number): string {
  if (!Number.isSafeInteger(unixSeconds) || unixSeconds < 1 || unixSeconds > MAX_TIME) {
    throw new UsageError(`${unixSeconds} is not the time of a backup`, {
      code: 'backup-time',
      hint: 'times are whole Unix seconds, 1 or more',
    });
  }
  return new Date(unixSeconds * 1000).toISOString().replace('.000Z', 'Z');
}

/**
 * Unix seconds of `2025-08-12T10:00:00Z`; always UTC, whole seconds, upper-case letters.
 * @throws UsageError `backup-time`
 */
export function parseBackupTime(text: string): number {
  const seconds = timePattern.test(text) ? Date.parse(text) / 1000 : Number.NaN;
  // Date.parse takes 24:00:00 and moves it to the next day.
  if (!Number.isNaN(seconds) && seconds >= 1 && formatBackupTime(seconds) === text) return seconds;
  throw new UsageError(`${JSON.stringify(text)} is not the time of a backup`, {
    code: 'backup-time',
    hint: 'write it as in 2026-02-16T16:30:44Z',
  });
}

/** `vm/100/2025-08-12T10:00:00Z` */
export const formatSnapshotPath = ({ type, id, time }: SnapshotPath): string =>
  `${type}/${id}/${formatBackupTime(time)}`;

/**
 * Reads `type/id/time`.
 * @throws UsageError `snapshot-path`, `backup-time`
 */
export function parseSnapshotPath(text: string): SnapshotPath {
  const [type = '', id = '', time = '', ...more] = text.split('/');
  if (more.length > 0 || !isBackupType(type) || !isBackupId(id)) {
    throw new UsageError(`${JSON.stringify(text)} is not the name of a snapshot`, {
      code: 'snapshot-path',
      hint: 'snapshots are named type/id/time, e.g. vm/100/2026-02-16T16:30:44Z',
    });
  }
  if (time === '') {
    throw new UsageError(`${JSON.stringify(text)} names a group: the time of the snapshot is missing`, {
      code: 'backup-time',
      hint: `snapshots are named type/id/time, e.g. ${type}/${id}/2026-02-16T16:30:44Z`,
    });
  }
  return { type, id, time: parseBackupTime(time) };
}

/** `vm/100` */
export const formatGroup = ({ type, id }: BackupGroup): string => `${type}/${id}`;

/**
 * Reads `type/id`.
 * @throws UsageError `group`
 */
export function parseGroup(text: string): BackupGroup {
  const [type = '', id = '', ...more] = text.split('/');
  if (more.length === 0 && isBackupType(type) && isBackupId(id)) return { type, id };
  throw new UsageError(`${JSON.stringify(text)} is not the name of a group`, {
    code: 'group',
    hint: 'groups are named type/id, e.g. vm/100',
  });
}

const numericId = (id: string): bigint | undefined => {
  const value = /^\d{1,20}$/u.test(id) ? BigInt(id) : undefined;
  return value !== undefined && value <= MAX_U64 ? value : undefined;
};

/** Order of groups: ct, host, vm; numeric ids by value, before all others (spec 1.4). */
export function compareGroups(left: BackupGroup, right: BackupGroup): number {
  const byType = backupTypes.indexOf(left.type) - backupTypes.indexOf(right.type);
  if (byType !== 0) return byType;
  const [leftNumber, rightNumber] = [numericId(left.id), numericId(right.id)];
  if (leftNumber !== undefined && rightNumber !== undefined && leftNumber !== rightNumber) {
    return leftNumber < rightNumber ? -1 : 1;
  }
  if ((leftNumber === undefined) !== (rightNumber === undefined)) return leftNumber === undefined ? 1 : -1;
  if (left.id === right.id) return 0;
  return left.id < right.id ? -1 : 1;
}

/** Order of snapshots: by group, then oldest first. */
export const compareSnapshots = (left: SnapshotPath, right: SnapshotPath): number =>
  compareGroups(left, right) || left.time - right.time;
