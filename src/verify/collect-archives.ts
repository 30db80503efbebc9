import { hash } from 'node:crypto';
import { relative } from 'node:path';

import { IntegrityError, isUnreadable, KnownError } from '../model/errors.ts';
import type { Datastore } from '../pbs/datastore/open-datastore.ts';
import { archiveKind, MANIFEST_NAME } from '../pbs/format/archive-name.ts';
import { verifyBlobCrc } from '../pbs/format/blob.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import { verifyManifestSignature } from '../pbs/format/manifest-signature.ts';
import {
  keyFingerprint,
  verifyIndexAgainstManifest,
  type Manifest,
  type ManifestFile,
} from '../pbs/format/manifest.ts';
import type { Slot } from '../model/image.ts';
import type { VerifyProblem } from '../model/verify.ts';

/** A snapshot to be verified, in its namespace. */
export interface VerifiedSnapshot {
  readonly datastore: Datastore;
  /** `vm/100/2026-02-16T16:30:44Z` */
  readonly name: string;
}

/** An archive whose index is sound. */
export interface VerifiedArchive extends VerifiedSnapshot {
  readonly file: ManifestFile;
  /** Of an encrypted one the key, where there is the right one. */
  readonly crypt?: CryptConfig;
  /** Reads the index again, so that those of a whole datastore need not be held. */
  slots(): Promise<Iterable<Slot>>;
}

export interface CollectOptions {
  /** Of the snapshots that were made with it; others are verified as without a key. */
  readonly crypt?: CryptConfig;
  readonly onArchive: (archive: VerifiedArchive) => Promise<void>;
  readonly onProblem: (problem: VerifyProblem) => void;
  readonly onWarning: (sentence: string) => void;
  /** Of a snapshot that names its key. */
  readonly onKey: (fingerprint: string) => void;
}

/** The folder of a snapshot or one of its files, below the datastore. */
export const placeOf = ({ datastore, name }: VerifiedSnapshot, file?: string): string =>
  [relative(datastore.path, datastore.folder), name, file]
    .filter((part) => part !== undefined && part !== '')
    .join('/');

/**
 * Checks what a snapshot has beside chunks, as PBS does: the manifest, its signature, size and checksum of every file, the
 * CRC-32 of blobs. Tells of every index that is sound.
 */
export async function collectArchives(snapshot: VerifiedSnapshot, options: CollectOptions): Promise<void> {
  const { datastore, name } = snapshot;
  const { onProblem, onWarning } = options;
  const manifestPlace = placeOf(snapshot, MANIFEST_NAME);
  let manifest: Manifest;
  try {
    manifest = await datastore.readManifest(name);
  } catch (error) {
    if (error instanceof KnownError && error.code === 'snapshot-unfinished') {
      onWarning(`${placeOf(snapshot)} is unfinished and was left out: it has no ${MANIFEST_NAME}`);
      return;
    }
    onProblem(asProblem(error, { file: manifestPlace, affects: [placeOf(snapshot)] }));
    return;
  }
  const fingerprint = keyFingerprint(manifest)?.toLowerCase();
  if (fingerprint !== undefined) options.onKey(fingerprint);
  let key = keyFor(fingerprint, options.crypt);
  try {
    verifyManifestSignature(manifest, key);
  } catch (error) {
    onProblem(asProblem(error, { file: manifestPlace, affects: [placeOf(snapshot)] }));
    // It may be the key that is another one, so that nothing should be decrypted with it.
    key = undefined;
  }
  for (const file of manifest.files) {
    const place = placeOf(snapshot, file.filename);
    try {
      if (archiveKind(file.filename) === 'blob') await checkBlob(snapshot, manifest, file);
      else await openArchive(snapshot, file, key, options);
    } catch (error) {
      onProblem(asProblem(error, { file: place, affects: [place] }));
    }
  }
}

async function openArchive(
  snapshot: VerifiedSnapshot,
  file: ManifestFile,
  key: CryptConfig | undefined,
  { onArchive }: CollectOptions,
): Promise<void> {
  const { datastore, name } = snapshot;
  const read = async (): Promise<Iterable<Slot>> =>
    (await datastore.readIndex(name, file.filename, key === undefined ? {} : { crypt: key })).slots();
  let first: Iterable<Slot> | undefined = await read();
  await onArchive({
    ...snapshot,
    file,
    ...(key === undefined || file.cryptMode !== 'encrypt' ? {} : { crypt: key }),
    slots: async () => {
      const slots = first ?? (await read());
      first = undefined;
      return slots;
    },
  });
}

async function checkBlob(
  { datastore, name }: VerifiedSnapshot,
  manifest: Manifest,
  { filename }: ManifestFile,
): Promise<void> {
  const encoded = await datastore.readBlob(name, filename);
  verifyIndexAgainstManifest({ size: encoded.length, csum: hash('sha256', encoded) }, manifest, filename);
  verifyBlobCrc(encoded);
}

/** The key, unless the manifest says that it was made with another one. */
function keyFor(fingerprint: string | undefined, crypt: CryptConfig | undefined): CryptConfig | undefined {
  return fingerprint === undefined || fingerprint === crypt?.fingerprint ? crypt : undefined;
}

/** The place and cause of damage; anything else, such as a folder that cannot be read, is thrown on. */
export function asProblem(error: unknown, place: Pick<VerifyProblem, 'file' | 'digest' | 'affects'>): VerifyProblem {
  // For a restore that is the fault of the machine; a verify is there to find such files, and goes on.
  if (isUnreadable(error)) return { code: 'file-unreadable', problem: error.message, ...place };
  if (!(error instanceof IntegrityError)) throw error;
  return { code: error.code, problem: error.message, ...place };
}
