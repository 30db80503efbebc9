import { hash } from 'node:crypto';

import { IntegrityError, UsageError } from '../../model/errors.ts';
import { parseArchiveIndex, type ArchiveIndex } from '../format/archive-index.ts';
import { archiveKind, MANIFEST_NAME, serverArchiveName } from '../format/archive-name.ts';
import { decodeBlob, MAX_BLOB_PLAIN_BYTES, MAX_UPLOADED_BLOB_BYTES, parseBlob } from '../format/blob.ts';
import type { CryptConfig } from '../format/crypt-config.ts';
import { findArchive } from '../format/find-archive.ts';
import type { FixedIndex } from '../format/fixed-index.ts';
import { MAX_INDEX_BYTES } from '../format/index-header.ts';
import { signatureWarning, verifyManifestSignature } from '../format/manifest-signature.ts';
import {
  keyFingerprint,
  manifestFile,
  parseManifest,
  verifyIndexAgainstManifest,
  type Manifest,
  type ManifestFile,
} from '../format/manifest.ts';
import { formatSnapshotPath } from '../format/snapshot-path.ts';

/** Encrypted for the owner of an RSA key, and a plain blob for us, though clients list it as encrypted (spec 7.4). */
const MASTER_KEY_BLOB = 'rsa-encrypted.key.blob';

export interface DownloadedManifest {
  readonly manifest: Manifest;
  /** As the server stores it. */
  readonly encoded: Uint8Array;
  /** What its reader should know, one sentence each. */
  readonly warnings: readonly string[];
}

/** An index, what the manifest says of it, and what its reader should know. */
export interface DownloadedIndex<Index extends ArchiveIndex = ArchiveIndex> {
  readonly index: Index;
  readonly file: ManifestFile;
  /** Where the archive is encrypted and the key was given: what its chunks are decoded with. */
  readonly crypt?: CryptConfig;
  readonly warnings: readonly string[];
}

export interface DownloadedBlob {
  /** Decrypted and decompressed. */
  readonly bytes: Uint8Array;
  readonly warnings: readonly string[];
}

export interface SnapshotFilesOptions {
  /** `vm/100/2026-02-16T16:30:44Z`: what was asked for. */
  readonly snapshot: string;
  /** Checked against the manifest before anything else is believed. */
  readonly crypt?: CryptConfig;
  /** Downloads a file as the server stores it, up to a bound. */
  readonly download: (name: string, maxBytes: number, signal: AbortSignal) => Promise<Uint8Array>;
}

/** The files of one snapshot on a server, each checked against the manifest, and the manifest against the key. */
export class SnapshotFiles {
  readonly #options: SnapshotFilesOptions;
  #manifest: DownloadedManifest | undefined;

  constructor(options: SnapshotFilesOptions) {
    this.#options = options;
  }

  /**
   * Downloads it once.
   * @throws what `parseManifest` and `verifyManifestSignature` throw; IntegrityError `manifest-snapshot`
   */
  async manifest(signal: AbortSignal): Promise<DownloadedManifest> {
    if (this.#manifest !== undefined) return this.#manifest;
    const { snapshot, crypt, download } = this.#options;
    const encoded = await download(MANIFEST_NAME, MAX_UPLOADED_BLOB_BYTES, signal);
    const manifest = parseManifest(encoded);
    const named = formatSnapshotPath(manifest.snapshot);
    if (named !== snapshot) {
      throw new IntegrityError(`the manifest of ${snapshot} is that of ${named}`, {
        code: 'manifest-snapshot',
        hint: 'folders of the datastore were renamed or copied: restore another snapshot',
      });
    }
    const warning = signatureWarning(verifyManifestSignature(manifest, crypt), crypt);
    this.#manifest ??= { manifest, encoded, warnings: warning === undefined ? [] : [warning] };
    return this.#manifest;
  }

  /**
   * The index of an image or of an archive of files; the suffix may be left out of the name. A key is not needed to look
   * at the index of an encrypted archive, only to restore it.
   * @throws UsageError `archive-name`, `archive-not-found`, `not-an-index`; IntegrityError where index or manifest are
   * damaged or do not fit
   */
  async index(archive: string, signal: AbortSignal): Promise<DownloadedIndex> {
    const { crypt, download } = this.#options;
    // A name that is none is the user's mistake, whatever there is of the snapshot.
    serverArchiveName(archive);
    const { manifest, warnings } = await this.manifest(signal);
    const { file } = findArchive(manifest, archive);
    const kind = archiveKind(file.filename);
    if (kind !== 'fixed' && kind !== 'dynamic') {
      throw new UsageError(`${file.filename} is no archive of chunks`, {
        code: 'not-an-index',
        hint: 'images are named *.img.fidx, archives of files *.pxar.didx or the like',
      });
    }
    const keyed = file.cryptMode === 'encrypt' && crypt !== undefined ? { crypt } : {};
    const index = parseArchiveIndex(kind, await download(file.filename, MAX_INDEX_BYTES, signal), keyed);
    verifyIndexAgainstManifest(index, manifest, file.filename);
    return { index, file, warnings, ...keyed };
  }

  /**
   * The index of an image that is going to be restored.
   * @throws as {@link SnapshotFiles.index}; UsageError `archive-not-image`, `key-missing`
   */
  async image(archive: string, signal: AbortSignal): Promise<DownloadedIndex<FixedIndex>> {
    const name = serverArchiveName(archive);
    const { manifest } = await this.manifest(signal);
    const file = manifestFile(manifest, name);
    if (archiveKind(name) !== 'fixed') {
      throw new UsageError(`${name} is not the image of a disk`, {
        code: 'archive-not-image',
        hint: 'images have names that end in .img.fidx',
      });
    }
    requireKey(file, manifest, this.#options.crypt);
    const downloaded = await this.index(name, signal);
    return downloaded as DownloadedIndex<FixedIndex>;
  }

  /**
   * The content of a blob, such as a configuration; also that of the manifest, which does not list itself.
   * @throws UsageError `archive-name`, `archive-not-found`, `not-a-blob`, `key-missing`; IntegrityError `manifest-size`,
   * `manifest-csum`, `blob-crypt-mode`, and those of `decodeBlob`
   */
  async blob(archive: string, signal: AbortSignal): Promise<DownloadedBlob> {
    const { crypt, download } = this.#options;
    const name = serverArchiveName(archive);
    const { manifest, encoded: ofManifest, warnings } = await this.manifest(signal);
    if (name === MANIFEST_NAME)
      return { bytes: decodeBlob(ofManifest, { maxPlainBytes: MAX_BLOB_PLAIN_BYTES }), warnings };
    const file = manifestFile(manifest, name);
    if (archiveKind(name) !== 'blob') {
      throw new UsageError(`${name} is no blob`, { code: 'not-a-blob', hint: 'blobs have names that end in .blob' });
    }
    requireKey(file, manifest, crypt);
    const encoded = await download(name, MAX_UPLOADED_BLOB_BYTES, signal);
    verifyBlob(encoded, file);
    const isEncrypted = file.cryptMode === 'encrypt' && name !== MASTER_KEY_BLOB;
    if ((parseBlob(encoded).cipher !== undefined) !== isEncrypted) {
      throw new IntegrityError(`${name} is ${isEncrypted ? 'not ' : ''}encrypted, and the manifest says otherwise`, {
        code: 'blob-crypt-mode',
      });
    }
    const bytes = decodeBlob(encoded, {
      maxPlainBytes: MAX_BLOB_PLAIN_BYTES,
      ...(crypt === undefined ? {} : { crypt }),
    });
    return { bytes, warnings };
  }
}

/**
 * Makes sure that what is encrypted can be decrypted. That the key is the right one shows when the manifest is read.
 * @throws UsageError `key-missing`
 */
export function requireKey(
  { filename, cryptMode }: ManifestFile,
  manifest: Manifest,
  crypt: CryptConfig | undefined,
): void {
  if (cryptMode !== 'encrypt' || crypt !== undefined || filename === MASTER_KEY_BLOB) return;
  const fingerprint = keyFingerprint(manifest);
  throw new UsageError(
    `${filename} is encrypted${fingerprint === undefined ? '' : ` with the key ${fingerprint}`}, and no key was given`,
    {
      code: 'key-missing',
      hint: 'name the key file that the backup was made with (--keyfile, or keyFile in a scenario)',
    },
  );
}

/** The manifest knows the file as it is stored (spec 6.5.1). */
function verifyBlob(encoded: Uint8Array, { filename, size, csum }: ManifestFile): void {
  const hint = 'the file is not the one that was backed up: run a verify job on the server';
  if (encoded.length !== size) {
    throw new IntegrityError(`${filename} has ${encoded.length} bytes, the manifest says ${size}`, {
      code: 'manifest-size',
      hint,
    });
  }
  const seen = hash('sha256', encoded, 'hex');
  if (seen !== csum) {
    throw new IntegrityError(`the checksum of ${filename} is ${seen}, the manifest says ${csum}`, {
      code: 'manifest-csum',
      hint,
    });
  }
}
