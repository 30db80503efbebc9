import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { systemErrorCode } from '../../model/errors.ts';
import type { FilePort } from './file-port.ts';
import { modes } from './layout.ts';

/**
 * Files that are there whole or not at all, also after a crash of the machine: written under another name, flushed to
 * the disk (fsync), renamed, and then the folder flushed, without which the new name may be lost. Folders are flushed
 * together by {@link flush}, which goes before anything that relies on them. System errors are thrown as they are.
 */
export class DurableFiles {
  readonly files: FilePort;
  /** Folders with names that may not be on the disk yet. */
  readonly #unflushed: Set<string> = new Set();

  constructor(files: FilePort) {
    this.files = files;
  }

  /** Writes a file, in place of one that is there; its folder is left to {@link flush}. */
  async write(path: string, bytes: Uint8Array): Promise<void> {
    const temporary = `${path}.tmp_${randomBytes(3).toString('hex')}`;
    const file = await this.files.open(temporary, 'wx', modes.file);
    try {
      try {
        await writeAll(file, bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.files.rename(temporary, path);
    } catch (error) {
      await this.files.rm(temporary, { force: true });
      throw error;
    }
    this.touchFolderOf(path);
  }

  /** Gives a file that was written and flushed its name. */
  async rename(temporary: string, path: string): Promise<void> {
    await this.files.rename(temporary, path);
    this.touchFolderOf(path);
  }

  /** Whether it was made. The mode is set whatever the umask says. */
  async makeFolder(path: string, mode: number): Promise<boolean> {
    try {
      await this.files.mkdir(path, { mode });
    } catch (error) {
      if (systemErrorCode(error) === 'EEXIST') return false;
      throw error;
    }
    await this.files.chmod(path, mode);
    this.touchFolderOf(path);
    return true;
  }

  /** A name in the folder of this path may not be on the disk yet. */
  touchFolderOf(path: string): void {
    this.#unflushed.add(dirname(path));
  }

  /** Flushes the folders of everything since the last call. */
  async flush(): Promise<void> {
    const folders = [...this.#unflushed];
    this.#unflushed.clear();
    try {
      for (const folder of folders) await this.#flushFolder(folder);
    } catch (error) {
      for (const folder of folders) this.#unflushed.add(folder);
      throw error;
    }
  }

  async #flushFolder(folder: string): Promise<void> {
    const handle = await this.files.open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

/** A full disk can cut a write short without an error; the next one then says so. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position?: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const at = position === undefined ? null : position + written;
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, at);
    written += bytesWritten;
  }
}
