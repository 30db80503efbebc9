import { createReadStream } from 'node:fs';
import { lstat, open } from 'node:fs/promises';

import { asMachineError, IntegrityError, systemErrorCode, UsageError } from '../../model/errors.ts';
import { readArchiveIndexStream, type ArchiveIndex } from '../format/archive-index.ts';
import { archiveKind, MANIFEST_NAME, serverArchiveName } from '../format/archive-name.ts';
import { MAX_ENCODED_BLOB_BYTES } from '../format/blob.ts';
import type { CryptConfig } from '../format/crypt-config.ts';
import { findArchive } from '../format/find-archive.ts';
import { parseManifest, verifyIndexAgainstManifest, type Manifest } from '../format/manifest.ts';
import { formatSnapshotPath, parseSnapshotPath, type SnapshotPath } from '../format/snapshot-path.ts';
import { isFolder } from '../../files/is-folder.ts';
import { archivePath, chunkPath, chunksFolder, namespaceFolder, snapshotFolder } from './layout.ts';
import { listNamespaces } from './list-namespaces.ts';
import { listGroup, listGroups, type ListedGroup } from './list-snapshots.ts';

/** Snapshots that an error names, so that it stays one readable line. */
const LISTED_IN_ERRORS = 5;

/**
 * Opens the folder of a datastore for reading: its root namespace, or another one.
 * @throws UsageError `datastore-not-found` where there is no `.chunks`; `namespace`
 */
export async function openDatastore(path: string, namespace: string = ''): Promise<Datastore> {
  const isDatastore = await isFolder(chunksFolder(path)).catch((error: unknown) => {
    throw asMachineError(error, `opening the datastore ${path}`);
  });
  if (!isDatastore) {
    throw new UsageError(`${path} is not a datastore: it has no folder .chunks`, {
      code: 'datastore-not-found',
      hint: 'name the folder that holds .chunks and vm, ct or host; `restorelab serve` makes a datastore of an empty one',
    });
  }
  return new Datastore(path, namespace);
}

/** Reads one namespace of a datastore folder as PBS writes it. Snapshots are named `type/id/time`. */
export class Datastore {
  readonly path: string;
  /** `a/b`; empty for the root. */
  readonly namespace: string;
  /** That holds the groups of the namespace. */
  readonly folder: string;

  /** Use {@link openDatastore}, which looks whether it is one. */
  constructor(path: string, namespace: string = '') {
    this.path = path;
    this.namespace = namespace;
    this.folder = namespaceFolder(path, namespace);
  }

  get #place(): string {
    return this.namespace === '' ? this.path : `${this.path}, namespace ${this.namespace},`;
  }

  /** Another namespace of it. */
  inNamespace(namespace: string): Datastore {
    return new Datastore(this.path, namespace);
  }

  /** Its namespace and all levels below it, each before its children; @throws UsageError `namespace-not-found` */
  async listNamespaces(): Promise<readonly string[]> {
    const { path, namespace } = this;
    const isThere = await isFolder(this.folder).catch((error: unknown) => {
      throw asMachineError(error, `opening the namespace ${namespace}`);
    });
    if (isThere) return await listNamespaces(path, { parent: namespace });
    const others = (await listNamespaces(path)).filter((name) => name !== '').slice(0, LISTED_IN_ERRORS);
    throw new UsageError(`the datastore ${path} has no namespace ${namespace}`, {
      code: 'namespace-not-found',
      hint: others.length === 0 ? 'it has none but its root: leave --ns out' : `it has ${others.join(', ')}`,
    });
  }

  /** All groups in the order of PBS, each with its snapshots, oldest first. */
  async listSnapshots(): Promise<readonly ListedGroup[]> {
    return await listGroups(this.folder);
  }

  /** The group that a snapshot belongs to. */
  async listGroupOf(snapshot: string): Promise<ListedGroup> {
    return await listGroup(this.folder, parseSnapshotPath(snapshot));
  }

  /**
   * The server's names of a snapshot and of an archive that it holds; a missing suffix of the archive is added.
   * @throws UsageError `snapshot-path`, `backup-time`, `datastore-empty`, `snapshot-not-found`, `archive-name`,
   * `archive-not-found`; IntegrityError for a damaged manifest
   */
  async findArchive(
    snapshot: string,
    archive: string,
  ): Promise<{ readonly snapshot: string; readonly archive: string }> {
    // A name that is none is the user's mistake, whatever there is of the snapshot.
    serverArchiveName(archive);
    const manifest = await this.readManifest(snapshot);
    return { snapshot: formatSnapshotPath(manifest.snapshot), archive: findArchive(manifest, archive).file.filename };
  }

  /** Whether a snapshot has a manifest, readable or not: one that is being written, or was removed, has none. */
  async hasManifest(snapshot: string): Promise<boolean> {
    try {
      await lstat(archivePath(this.folder, parseSnapshotPath(snapshot), MANIFEST_NAME));
      return true;
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') return false;
      throw asMachineError(error, `looking at the snapshot ${snapshot}`);
    }
  }

  /** Errors as {@link Datastore.findArchive}, and IntegrityError `snapshot-unfinished` where there is no manifest. */
  async readManifest(snapshot: string): Promise<Manifest> {
    const wanted = parseSnapshotPath(snapshot);
    const blob = await this.#readSnapshotFile(wanted, MANIFEST_NAME);
    if (blob === undefined) {
      await this.requireSnapshot(snapshot);
      throw new IntegrityError(`the snapshot ${snapshot} is unfinished: it has no ${MANIFEST_NAME}`, {
        code: 'snapshot-unfinished',
        hint: 'the backup was interrupted or is still running: choose another snapshot',
      });
    }
    const manifest = within(`${snapshot}/${MANIFEST_NAME}`, () => parseManifest(blob));
    if (formatSnapshotPath(manifest.snapshot) !== formatSnapshotPath(wanted)) {
      throw new IntegrityError(`the manifest of ${snapshot} is that of ${formatSnapshotPath(manifest.snapshot)}`, {
        code: 'manifest-snapshot',
      });
    }
    return manifest;
  }

  /**
   * An index of either kind, checked against the manifest. A key serves for encrypted archives only, and is not looked at
   * for others.
   * @throws as {@link Datastore.findArchive}; UsageError `not-an-index`; IntegrityError `file-missing` and those of the
   * index
   */
  async readIndex(
    snapshot: string,
    archive: string,
    { crypt }: { readonly crypt?: CryptConfig } = {},
  ): Promise<ArchiveIndex> {
    const manifest = await this.readManifest(snapshot);
    const { filename, cryptMode } = findArchive(manifest, archive).file;
    const kind = archiveKind(filename);
    if (kind !== 'fixed' && kind !== 'dynamic') {
      throw new UsageError(`${filename} is no archive of chunks`, {
        code: 'not-an-index',
        hint: 'images are named *.img.fidx, archives of files *.pxar.didx or the like',
      });
    }
    const path = archivePath(this.folder, manifest.snapshot, filename);
    try {
      const stream = createReadStream(path, { highWaterMark: 256 * 1024 });
      const isKeyed = cryptMode === 'encrypt' && crypt !== undefined;
      const index = await readArchiveIndexStream(kind, stream, isKeyed ? { crypt } : {});
      verifyIndexAgainstManifest(index, manifest, filename);
      return index;
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') throw missingFile(snapshot, filename);
      if (error instanceof IntegrityError) throw named(`${snapshot}/${filename}`, error);
      throw asMachineError(error, `reading ${path}`);
    }
  }

  /**
   * The encoded bytes of a file of a snapshot, e.g. `qemu-server.conf.blob`.
   * @throws as {@link Datastore.findArchive}; IntegrityError `file-missing`
   */
  async readBlob(snapshot: string, archive: string): Promise<Uint8Array> {
    const found = await this.findArchive(snapshot, archive);
    const bytes = await this.#readSnapshotFile(parseSnapshotPath(found.snapshot), found.archive);
    if (bytes === undefined) throw missingFile(found.snapshot, found.archive);
    return bytes;
  }

  /** Where a chunk is, whether it is there or not. */
  chunkPath(digest: string): string {
    return chunkPath(this.path, digest);
  }

  /**
   * The encoded bytes of a chunk, unchecked.
   * @throws IntegrityError `chunk-missing`, `chunk-too-large`; UsageError `digest`
   */
  async readChunk(digest: string): Promise<Buffer> {
    const path = this.chunkPath(digest);
    try {
      await using file = await open(path);
      const { size } = await file.stat();
      if (size > MAX_ENCODED_BLOB_BYTES) {
        throw new IntegrityError(`chunk ${digest} has ${size} bytes, more than any chunk can have`, {
          code: 'chunk-too-large',
        });
      }
      return await file.readFile();
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') {
        throw new IntegrityError(`chunk ${digest} is missing in the datastore ${this.path}`, {
          code: 'chunk-missing',
          hint: 'run a verify job on the server, or choose another snapshot',
        });
      }
      throw asMachineError(error, `reading chunk ${digest}`);
    }
  }

  async #readSnapshotFile(snapshot: SnapshotPath, name: string): Promise<Uint8Array | undefined> {
    const path = archivePath(this.folder, snapshot, name);
    try {
      await using file = await open(path);
      const { size } = await file.stat();
      if (size > MAX_ENCODED_BLOB_BYTES) {
        throw new IntegrityError(`${path} has ${size} bytes, more than any blob can have`, {
          code: 'blob-too-large',
          hint: 'the file is damaged, or something else: choose another snapshot',
        });
      }
      return await file.readFile();
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') return undefined;
      throw asMachineError(error, `reading ${path}`);
    }
  }

  /** @throws UsageError `snapshot-path`, `backup-time`, `snapshot-not-found`, `datastore-empty` */
  async requireSnapshot(snapshot: string): Promise<void> {
    const wanted = parseSnapshotPath(snapshot);
    const name = formatSnapshotPath(wanted);
    const isThere = await isFolder(snapshotFolder(this.folder, wanted)).catch((error: unknown) => {
      throw asMachineError(error, `opening the snapshot ${name}`);
    });
    if (isThere) return;
    const all = (await this.listSnapshots()).flatMap(({ snapshots }) => snapshots);
    if (all.length === 0) {
      throw new UsageError(`the datastore ${this.#place} holds no snapshots`, {
        code: 'datastore-empty',
        hint: 'name another datastore, or make a backup first',
      });
    }
    const nearest = all
      .toSorted((left, right) => distance(left.snapshot, wanted) - distance(right.snapshot, wanted))
      .slice(0, LISTED_IN_ERRORS)
      .map((candidate) => candidate.name);
    throw new UsageError(`the datastore ${this.#place} has no snapshot ${name}`, {
      code: 'snapshot-not-found',
      hint: `${nearest.length < all.length ? 'the nearest are' : 'it has'} ${nearest.join(', ')}`,
    });
  }
}

/** Snapshots of the same group come first, nearest in time; then those of the same type. */
function distance(candidate: SnapshotPath, wanted: SnapshotPath): number {
  const sameType = candidate.type === wanted.type;
  const far = sameType && candidate.id === wanted.id ? 0 : sameType ? 1 : 2;
  return far * 1e12 + Math.abs(candidate.time - wanted.time);
}

const missingFile = (snapshot: string, filename: string): IntegrityError =>
  new IntegrityError(`${snapshot}/${filename} is missing, though the manifest lists it`, {
    code: 'file-missing',
    hint: 'choose another snapshot',
  });

function within<Result>(place: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw error instanceof IntegrityError ? named(place, error) : error;
  }
}

/** The same error, saying in which file it is. */
const named = (place: string, error: IntegrityError): IntegrityError =>
  new IntegrityError(`${place}: ${error.message}`, {
    code: error.code,
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
