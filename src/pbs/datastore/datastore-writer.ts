import {
  chmodSync,
  closeSync,
  existsSync,
  futimesSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writevSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { systemErrorCode } from '../../model/errors.ts';
import { MANIFEST_NAME } from '../format/archive-name.ts';
import type { BlobParts } from '../format/blob.ts';
import { encodeManifest, type Manifest } from '../format/manifest.ts';
import { isDigest } from '../format/digest.ts';
import type { BackupGroup, SnapshotPath } from '../format/snapshot-path.ts';
import { archivePath, chunkFolder, chunkPath, chunksFolder, groupFolder, modes, snapshotFolder } from './layout.ts';

export interface WriteChunkOptions {
  /** Unix seconds for the file's times; now where absent. */
  readonly modifiedAt?: number;
}

/**
 * Writes a datastore folder as PBS does (spec 8): every file under a temporary name first, chunks before indexes,
 * the manifest of a snapshot last. Only the chunk folders that are needed are made: a PBS that is to take the store
 * over needs all 65536. Calls are synchronous, since whoever makes data is bound by its own CPU. One writer at a time.
 */
export class DatastoreWriter {
  readonly path: string;
  /** One for each chunk folder, by its four hex digits. */
  readonly #madeFolders: Uint8Array = new Uint8Array(65_536);

  /** Creates the folder unless it is there. System errors are thrown as they are. */
  constructor(path: string) {
    this.path = path;
    makeFolder(path, modes.base);
    makeFolder(chunksFolder(path), modes.chunks);
    if (!existsSync(join(path, '.lock'))) this.#writeFile(join(path, '.lock'), new Uint8Array());
  }

  /** Whether it was written; a chunk that is there with at most so many bytes is kept (spec 8.3). */
  writeChunk(digest: string, { header, payload }: BlobParts, { modifiedAt }: WriteChunkOptions = {}): boolean {
    const path = chunkPath(this.path, digest);
    const bytes = header.length + payload.length;
    const present = this.#makeChunkFolder(digest) ? 0 : fileBytes(path);
    if (present > 0 && present <= bytes) return false;
    const temporary = `${path}.tmp_${randomBytes(3).toString('hex')}`;
    try {
      const file = openSync(temporary, 'wx', modes.file);
      try {
        writeAll(file, [header, payload]);
        if (modifiedAt !== undefined) futimesSync(file, modifiedAt, modifiedAt);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    return true;
  }

  /** Creates the group with its owner, e.g. `root@pam`, unless it is there. */
  createGroup(group: BackupGroup, owner: string): void {
    makeFolder(join(this.path, group.type), modes.group);
    makeFolder(groupFolder(this.path, group), modes.group);
    const path = join(groupFolder(this.path, group), 'owner');
    if (!existsSync(path)) this.#writeFile(path, Buffer.from(`${owner}\n`));
  }

  /** Creates the folder of a snapshot, whose group is there already. */
  createSnapshot(snapshot: SnapshotPath): void {
    makeFolder(snapshotFolder(this.path, snapshot), modes.group);
  }

  /** Writes an index or an encoded blob. */
  writeArchive(snapshot: SnapshotPath, archive: string, bytes: Uint8Array): void {
    this.#writeFile(archivePath(this.path, snapshot, archive), bytes);
  }

  /** Finishes the snapshot. */
  writeManifest(manifest: Manifest): void {
    this.writeArchive(manifest.snapshot, MANIFEST_NAME, encodeManifest(manifest));
  }

  #writeFile(path: string, bytes: Uint8Array): void {
    const temporary = `${path}.tmp_${randomBytes(3).toString('hex')}`;
    try {
      writeFileSync(temporary, bytes, { mode: modes.file, flag: 'wx' });
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  }

  /** Whether it is new and hence empty. */
  #makeChunkFolder(digest: string): boolean {
    const number = isDigest(digest) ? Number.parseInt(digest.slice(0, 4), 16) : -1;
    if (this.#madeFolders[number] === 1) return false;
    const isNew = makeFolder(chunkFolder(this.path, digest), modes.chunks);
    this.#madeFolders[number] = 1;
    return isNew;
  }
}

/** Whether it was made. The mode is set whatever the umask says. */
function makeFolder(path: string, mode: number): boolean {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
  chmodSync(path, mode);
  return true;
}

function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** A full disk can cut a write short without an error; the next one then says so. */
function writeAll(file: number, pieces: readonly Uint8Array[]): void {
  let rest = pieces.filter((piece) => piece.length > 0);
  while (rest.length > 0) {
    let written = writevSync(file, rest);
    rest = rest.flatMap((piece) => {
      const skipped = Math.min(written, piece.length);
      written -= skipped;
      return skipped === piece.length ? [] : [piece.subarray(skipped)];
    });
  }
}
