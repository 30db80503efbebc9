import { ServerError } from '../model/errors.ts';
import { placeText } from '../pbs/client/refusal.ts';
import type { RestClient } from '../pbs/client/rest-client.ts';
import { MANIFEST_NAME } from '../pbs/format/archive-name.ts';
import { compareSnapshots, isBackupType, type BackupGroup, type SnapshotPath } from '../pbs/format/snapshot-path.ts';
import type { ExistingSnapshot } from './plan-seed.ts';
import { seedMark } from './seed-mark.ts';

/** Where to look for snapshots. */
export interface SnapshotPlace {
  readonly store: string;
  /** Empty for the root. */
  readonly namespace: string;
  /** All groups of the namespace without it. */
  readonly group?: BackupGroup;
}

/** The finished snapshots, oldest first; @throws what the client throws */
export async function listFinished(
  rest: RestClient,
  { store, namespace, group }: SnapshotPlace,
  signal: AbortSignal,
): Promise<readonly ExistingSnapshot[]> {
  const what = `listing the snapshots of ${placeText(store, namespace)}`;
  const items = await rest.get({
    path: `/admin/datastore/${store}/snapshots`,
    parameters: {
      ...(group === undefined ? {} : { 'backup-id': group.id, 'backup-type': group.type }),
      ...(namespace === '' ? {} : { ns: namespace }),
    },
    what,
    store,
    namespace,
    signal,
  });
  if (!Array.isArray(items)) throw malformed(what);
  const listed = items.map((item: unknown) => parseItem(item, what));
  return listed
    .filter(({ isFinished }) => isFinished)
    .map(({ existing }) => existing)
    .toSorted((left, right) => compareSnapshots(left.snapshot, right.snapshot));
}

/** Those of {@link listFinished} that `seed` has made: marked in the name of their group and in their notes. */
export async function listSeeded(
  rest: RestClient,
  place: SnapshotPlace,
  signal: AbortSignal,
): Promise<readonly ExistingSnapshot[]> {
  const finished = await listFinished(rest, place, signal);
  return finished.filter(({ snapshot, comment }) => seedMark(snapshot, comment) !== undefined);
}

/** Removes one snapshot from the server; @throws what the client throws */
export async function forgetSnapshot(
  rest: RestClient,
  { store, namespace }: SnapshotPlace,
  { type, id, time }: SnapshotPath,
  signal: AbortSignal,
): Promise<void> {
  await rest.delete({
    path: `/admin/datastore/${store}/snapshots`,
    parameters: {
      'backup-id': id,
      'backup-time': time,
      'backup-type': type,
      ...(namespace === '' ? {} : { ns: namespace }),
    },
    what: `removing a snapshot of ${placeText(store, namespace)}`,
    store,
    namespace,
    signal,
  });
}

function parseItem(item: unknown, what: string): { readonly existing: ExistingSnapshot; readonly isFinished: boolean } {
  const { 'backup-type': type, 'backup-id': id, 'backup-time': time, comment, files } = Object(item) as Item;
  if (typeof type !== 'string' || !isBackupType(type) || typeof id !== 'string' || typeof time !== 'number')
    throw malformed(what);
  const names = Array.isArray(files) ? files.map((file: unknown) => (Object(file) as Item)['filename']) : [];
  return {
    existing: { snapshot: { type, id, time }, ...(typeof comment === 'string' ? { comment } : {}) },
    isFinished: names.includes(MANIFEST_NAME),
  };
}

type Item = Readonly<Record<string, unknown>>;

const malformed = (what: string): ServerError =>
  new ServerError(`the server's answer to ${what} is not the list that PBS sends`, {
    code: 'response-malformed',
    hint: 'is this a Proxmox Backup Server?',
  });
