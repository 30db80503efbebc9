import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { snapshotFolder } from '../../datastore/layout.ts';
import type { ListedSnapshot } from '../../datastore/list-snapshots.ts';
import { Datastore } from '../../datastore/open-datastore.ts';
import { realPathInside } from '../../datastore/real-path-inside.ts';
import { MANIFEST_NAME } from '../../format/archive-name.ts';
import { isJsonObject } from '../../format/json-object.ts';
import { isSigned, keyFingerprint, type CryptMode, type Manifest } from '../../format/manifest.ts';

/** Marks a snapshot that must not be removed (spec 8.1). */
export const PROTECTED_NAME = '.protected';

/** A file as PBS lists it; of one that the manifest does not name only the name is known. */
export interface FileItem {
  readonly filename: string;
  readonly 'crypt-mode'?: CryptMode;
  /** Bytes: of an index those of its image, of a blob those of the file. */
  readonly size?: number;
}

/** How the last verify job ended. */
interface Verification {
  readonly upid: string;
  readonly state: string;
}

/** A snapshot as PBS lists it (spec 2.6); keys that are not known are absent. */
export interface SnapshotItem {
  readonly 'backup-type': string;
  readonly 'backup-id': string;
  readonly 'backup-time': number;
  readonly comment?: string;
  readonly verification?: Verification;
  readonly fingerprint?: string;
  readonly files: readonly FileItem[];
  readonly size?: number;
  readonly owner?: string;
  readonly protected: boolean;
}

/** The manifest of a snapshot; undefined where it has none that can be read. */
export async function manifestOf(namespace: string, { name }: ListedSnapshot): Promise<Manifest | undefined> {
  return await new Datastore(namespace).readManifest(name).catch(() => undefined);
}

/** Files in the order of PBS: what the manifest names, the manifest, what else there is. */
export async function fileItems(namespace: string, listed: ListedSnapshot): Promise<readonly FileItem[]> {
  const manifest = await manifestOf(namespace, listed);
  if (manifest === undefined) return listed.files.map((filename) => ({ filename }));
  return await itemsOf(namespace, listed, manifest);
}

async function itemsOf(namespace: string, listed: ListedSnapshot, manifest: Manifest): Promise<readonly FileItem[]> {
  const blob = await stat(join(snapshotFolder(namespace, listed.snapshot), MANIFEST_NAME));
  const named = new Set([MANIFEST_NAME, ...manifest.files.map(({ filename }) => filename)]);
  return [
    ...manifest.files.map(({ cryptMode, filename, size }) => ({ filename, 'crypt-mode': cryptMode, size })),
    { filename: MANIFEST_NAME, 'crypt-mode': isSigned(manifest) ? 'sign-only' : 'none', size: blob.size },
    ...listed.files.filter((filename) => !named.has(filename)).map((filename) => ({ filename })),
  ];
}

/** Undefined where the folder is gone by now, or is a link that leads out of the datastore. */
export async function snapshotItem(
  base: string,
  namespace: string,
  listed: ListedSnapshot,
  owner: string | undefined,
): Promise<SnapshotItem | undefined> {
  const { type, id, time } = listed.snapshot;
  const folder = await realPathInside(base, snapshotFolder(namespace, listed.snapshot));
  if (folder === undefined) return undefined;
  const manifest = await manifestOf(namespace, listed);
  const files =
    manifest === undefined
      ? listed.files.map((filename) => ({ filename }))
      : await itemsOf(namespace, listed, manifest).catch(() => undefined);
  if (files === undefined) return undefined;
  const fingerprint = manifest === undefined ? undefined : keyFingerprint(manifest);
  const comment = manifest === undefined ? undefined : firstLine(notesOf(manifest));
  const verification = manifest === undefined ? undefined : verificationOf(manifest);
  const sizes = files.map(({ size }: FileItem) => size ?? 0);
  return {
    'backup-type': type,
    'backup-id': id,
    'backup-time': time,
    ...(comment === undefined ? {} : { comment }),
    ...(verification === undefined ? {} : { verification }),
    ...(fingerprint === undefined ? {} : { fingerprint }),
    files,
    ...(manifest === undefined ? {} : { size: sizes.reduce((sum, size) => sum + size, 0) }),
    ...(owner === undefined ? {} : { owner }),
    protected: await isProtected(folder),
  };
}

function verificationOf({ unprotected }: Manifest): Verification | undefined {
  const { verify_state: found } = unprotected;
  if (!isJsonObject(found)) return undefined;
  const { upid, state } = found;
  return typeof upid === 'string' && typeof state === 'string' ? { upid, state } : undefined;
}

/** What somebody wrote about a snapshot. */
export function notesOf({ unprotected }: Manifest): string {
  const { notes } = unprotected;
  return typeof notes === 'string' ? notes : '';
}

/** What lists show of notes; undefined where there is nothing to show. */
export function firstLine(notes: string): string | undefined {
  const [line = ''] = notes.split('\n', 1);
  return line === '' ? undefined : line;
}

export const isProtected = async (folder: string): Promise<boolean> =>
  await stat(join(folder, PROTECTED_NAME)).then(
    () => true,
    () => false,
  );
