import { hash } from 'node:crypto';

import { KnownError } from '../../model/errors.ts';
import { encodeBlob } from '../format/blob.ts';
import type { CryptConfig } from '../format/crypt-config.ts';
import { parseFixedIndex, type FixedIndex } from '../format/fixed-index.ts';
import {
  parseManifest,
  verifyIndexAgainstManifest,
  type CryptMode,
  type Manifest,
  type ManifestFile,
} from '../format/manifest.ts';
import { MANIFEST_NAME } from '../format/archive-name.ts';
import { signManifest, verifyManifestSignature } from '../format/manifest-signature.ts';
import type { SnapshotPath } from '../format/snapshot-path.ts';
import type { BackupSession } from './backup-session.ts';
import { uploadImage, type UploadableImage, type UploadedImage, type UploadImageOptions } from './upload-image.ts';

/** What a snapshot is to hold. Names are those of the server, with their suffix. */
export interface BackupContent {
  readonly snapshot: SnapshotPath;
  readonly images: readonly { readonly archive: string; readonly image: UploadableImage }[];
  readonly blobs: readonly { readonly name: string; readonly plain: Uint8Array }[];
  /** What PBS shows as the notes of the snapshot; their first line is its comment. */
  readonly notes?: string;
}

export interface MakeBackupOptions extends Pick<
  UploadImageOptions,
  'inFlight' | 'isCopyOfPrevious' | 'crypt' | 'onProgress' | 'signal'
> {
  /** The index of an image in the last snapshot is known, and its chunks can be used again. */
  readonly onPrevious?: (archive: string, index: FixedIndex) => void;
}

/**
 * Makes a whole snapshot in the order of `proxmox-backup-client` (spec 5.11): what the last snapshot has, images, blobs, and
 * the manifest last, which makes it a finished one.
 * @returns what became of each image
 * @throws what the session throws; IntegrityError where manifest or index of the last snapshot are damaged. The session
 * must be ended then, and nothing is left of the snapshot.
 */
export async function makeBackup(
  session: BackupSession,
  { snapshot, images, blobs, notes }: BackupContent,
  { onPrevious, ...options }: MakeBackupOptions,
): Promise<readonly UploadedImage[]> {
  const { crypt, signal } = options;
  const cryptMode: CryptMode = crypt === undefined ? 'none' : 'encrypt';
  const last = await lastManifest(session, signal);
  const files: ManifestFile[] = [];
  const uploaded: UploadedImage[] = [];
  for (const { archive, image } of images) {
    const previous = await previousIndex(session, last, archive, crypt, signal);
    if (previous !== undefined) onPrevious?.(archive, previous);
    const result = await uploadImage(session, image, {
      ...options,
      archive,
      ...(previous === undefined ? {} : { previous }),
    });
    uploaded.push(result);
    files.push({ filename: archive, cryptMode, size: result.sizeBytes, csum: result.csum });
  }
  for (const { name, plain } of blobs) {
    const encoded = encodeBlob(plain, crypt === undefined ? {} : { crypt });
    await session.uploadBlob(name, encoded, signal);
    files.push({ filename: name, cryptMode, size: encoded.length, csum: hash('sha256', encoded, 'hex') });
  }
  const manifest: Manifest = {
    snapshot,
    files,
    unprotected: notes === undefined ? {} : { notes },
  };
  await session.finish(crypt === undefined ? manifest : signManifest(manifest, crypt), signal);
  return uploaded;
}

async function lastManifest(session: BackupSession, signal: AbortSignal): Promise<Manifest | undefined> {
  const time = await session.previousBackupTime(signal);
  return time === undefined ? undefined : parseManifest(await session.downloadPrevious(MANIFEST_NAME, signal));
}

/**
 * Undefined where the last snapshot has no such archive, or one whose chunks are of no use: encrypted otherwise than ours, or
 * under a manifest that our key did not sign.
 */
async function previousIndex(
  session: BackupSession,
  last: Manifest | undefined,
  archive: string,
  crypt: CryptConfig | undefined,
  signal: AbortSignal,
): Promise<FixedIndex | undefined> {
  const file = last?.files.find(({ filename }) => filename === archive);
  if (last === undefined || file === undefined) return undefined;
  if ((file.cryptMode === 'encrypt') !== (crypt !== undefined)) return undefined;
  if (crypt !== undefined && !isSignedWith(last, crypt)) return undefined;
  const index = parseFixedIndex(await session.downloadPrevious(archive, signal));
  verifyIndexAgainstManifest(index, last, archive);
  return index;
}

function isSignedWith(manifest: Manifest, crypt: CryptConfig): boolean {
  try {
    return verifyManifestSignature(manifest, crypt) === 'valid';
  } catch (error) {
    if (error instanceof KnownError) return false;
    throw error;
  }
}
