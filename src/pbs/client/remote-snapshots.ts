import { ServerError } from '../../model/errors.ts';
import { MANIFEST_NAME } from '../format/archive-name.ts';
import { cryptModes, type CryptMode } from '../format/manifest.ts';
import {
  compareSnapshots,
  formatBackupTime,
  formatSnapshotPath,
  isBackupId,
  isBackupType,
  type BackupGroup,
  type SnapshotPath,
} from '../format/snapshot-path.ts';
import { placeText } from './refusal.ts';
import type { RestClient } from './rest-client.ts';

/** Where to look for snapshots. */
export interface SnapshotPlace {
  readonly store: string;
  /** Empty for the root. */
  readonly namespace: string;
  /** All groups of the namespace without it. */
  readonly group?: BackupGroup;
}

export interface RemoteFile {
  readonly filename: string;
  /** Absent of a file that the manifest does not name. */
  readonly cryptMode?: CryptMode;
  /** Bytes: of an index those of its image or archive, of a blob those of the file. */
  readonly size?: number;
}

/** A snapshot as a server lists it (spec 2.6). What the server does not say is absent. */
export interface RemoteSnapshot {
  readonly snapshot: SnapshotPath;
  /** `vm/100/2026-02-16T16:30:44Z` */
  readonly name: string;
  readonly files: readonly RemoteFile[];
  /** It has a manifest. */
  readonly isFinished: boolean;
  /** Bytes, images and archives with all their zeros. */
  readonly size?: number;
  readonly owner?: string;
  readonly isProtected: boolean;
  /** How the last verify job ended: `ok`, `failed`. */
  readonly verified?: string;
  /** Of the key that was in use. */
  readonly keyFingerprint?: string;
  /** First line of the notes. */
  readonly comment?: string;
}

/**
 * The snapshots of a namespace, or of one group of it, in the order of PBS, oldest first within a group.
 * @throws what the client throws; ServerError `response-malformed`
 */
export async function listRemoteSnapshots(
  rest: RestClient,
  { store, namespace, group }: SnapshotPlace,
  signal: AbortSignal,
): Promise<readonly RemoteSnapshot[]> {
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
  return items
    .map((item: unknown) => parseItem(item, what))
    .toSorted((left, right) => compareSnapshots(left.snapshot, right.snapshot));
}

/** Whether all, some or none of a snapshot is encrypted, or only its manifest signed. */
export function encryptionOf({ files }: RemoteSnapshot): CryptMode | 'partly' | undefined {
  const modes = new Set(
    files.flatMap(({ filename, cryptMode }) =>
      filename === MANIFEST_NAME || cryptMode === undefined ? [] : [cryptMode],
    ),
  );
  const [only, ...more] = modes;
  return more.length === 0 ? only : 'partly';
}

type Item = Readonly<Record<string, unknown>>;

const itemOf = (value: unknown): Item => (typeof value === 'object' && value !== null ? (value as Item) : {});

function parseItem(value: unknown, what: string): RemoteSnapshot {
  const item = itemOf(value);
  const { files, size, owner, fingerprint, comment } = item;
  const snapshot = parseSnapshot(item);
  if (snapshot === undefined || !Array.isArray(files)) throw malformed(what);
  const parsed = files.map((file: unknown) => parseFile(file, what));
  const { state } = itemOf(item['verification']);
  return {
    snapshot,
    name: formatSnapshotPath(snapshot),
    files: parsed,
    isFinished: parsed.some(({ filename }) => filename === MANIFEST_NAME),
    ...(typeof size === 'number' ? { size } : {}),
    ...(typeof owner === 'string' ? { owner } : {}),
    isProtected: item['protected'] === true,
    ...(typeof state === 'string' ? { verified: state } : {}),
    ...(typeof fingerprint === 'string' ? { keyFingerprint: fingerprint } : {}),
    ...(typeof comment === 'string' ? { comment } : {}),
  };
}

function parseSnapshot({ 'backup-type': type, 'backup-id': id, 'backup-time': time }: Item): SnapshotPath | undefined {
  if (typeof type !== 'string' || typeof id !== 'string' || typeof time !== 'number') return undefined;
  if (!isBackupType(type) || !isBackupId(id)) return undefined;
  try {
    formatBackupTime(time);
  } catch {
    return undefined;
  }
  return { type, id, time };
}

function parseFile(value: unknown, what: string): RemoteFile {
  const { filename, 'crypt-mode': mode, size } = itemOf(value);
  if (typeof filename !== 'string') throw malformed(what);
  const cryptMode = cryptModes.find((known) => known === mode);
  return {
    filename,
    ...(cryptMode === undefined ? {} : { cryptMode }),
    ...(typeof size === 'number' ? { size } : {}),
  };
}

const malformed = (what: string): ServerError =>
  new ServerError(`the server's answer to ${what} is not the list that PBS sends`, {
    code: 'response-malformed',
    hint: 'is this a Proxmox Backup Server?',
  });
