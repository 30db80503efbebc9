import { join } from 'node:path';

import { UsageError } from '../../model/errors.ts';
import { isServerArchiveName } from '../format/archive-name.ts';
import { isDigest } from '../format/digest.ts';
import { parseNamespace } from '../format/namespace.ts';
import {
  formatSnapshotPath,
  isBackupId,
  isBackupType,
  type BackupGroup,
  type SnapshotPath,
} from '../format/snapshot-path.ts';

/** Modes that PBS gives to what it makes, and checks exactly (spec 8.1, 8.5). */
export const modes = { base: 0o755, chunks: 0o750, file: 0o644, group: 0o755 } as const;

/** `<base>/.chunks` */
export const chunksFolder = (base: string): string => join(base, '.chunks');

/** The folder of a chunk below `.chunks`: the first four hex digits of its digest. */
export function chunkFolder(base: string, digest: string): string {
  return join(chunksFolder(base), checkedDigest(digest).slice(0, 4));
}

/**
 * `<base>/.chunks/bb9f/bb9f8df6...`
 * @throws UsageError `digest` for anything but 64 lower-case hex digits, so that no digest leads out of the datastore
 */
export const chunkPath = (base: string, digest: string): string => join(chunkFolder(base, digest), digest);

/**
 * `<base>/ns/a/ns/b` of the namespace `a/b`; the datastore itself of the root namespace.
 * @throws UsageError `namespace` for anything that is none, so that none leads out of the datastore
 */
export const namespaceFolder = (base: string, namespace: string): string =>
  join(base, ...parseNamespace(namespace).flatMap((part) => ['ns', part]));

/** `<base>/vm/100`; throws a UsageError for a type or id that is none. */
export function groupFolder(base: string, { type, id }: BackupGroup): string {
  if (!isBackupType(type) || !isBackupId(id)) {
    throw new UsageError(`${JSON.stringify(`${type as string}/${id}`)} is not the name of a backup group`, {
      code: 'snapshot-path',
    });
  }
  return join(base, type, id);
}

/** `<base>/vm/100/2026-02-16T16:30:44Z`; throws a UsageError for a type, id or time that is none. */
export function snapshotFolder(base: string, snapshot: SnapshotPath): string {
  groupFolder(base, snapshot);
  return join(base, formatSnapshotPath(snapshot));
}

/** A file of a snapshot; throws a UsageError `archive-name` for anything but a server name. */
export function archivePath(base: string, snapshot: SnapshotPath, archive: string): string {
  if (!isServerArchiveName(archive)) {
    throw new UsageError(`${JSON.stringify(archive)} is not the name of a file in a snapshot`, {
      code: 'archive-name',
    });
  }
  return join(snapshotFolder(base, snapshot), archive);
}

function checkedDigest(digest: string): string {
  if (isDigest(digest)) return digest;
  throw new UsageError(`${JSON.stringify(digest)} is not a digest`, {
    code: 'digest',
    hint: 'a digest is 64 lower-case hex digits',
  });
}
