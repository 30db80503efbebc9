import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { makeFolder } from '../files/make-folder.ts';
import { asMachineError, MachineError, systemErrorCode } from '../model/errors.ts';
import { formatBytes, GiB } from '../model/units.ts';
import { withCacheLock } from './cache-lock.ts';
import { folderBytes } from './folder-bytes.ts';
import { processesFromProc, type RunningProcesses } from './running-processes.ts';

export const DEFAULT_CACHE_LIMIT_BYTES: number = 10 * GiB;

/** Written last into an entry: one without it is not whole. Its modification time is the entry's last use. */
const ENTRY_FILE = '.restorelab-entry.json';

const namePattern = /^[a-z0-9][a-z0-9-]{0,127}$/u;

export interface CacheOptions {
  /** Default 10 GiB. */
  readonly limitBytes?: number;
  /** Default: read from /proc. */
  readonly processes?: RunningProcesses;
}

export interface CacheEntry {
  readonly name: string;
  /** Absolute path of its folder. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly lastUsedAt: Date;
  /** By this or another process that is running. */
  readonly inUse: boolean;
}

/** An entry that is not removed until this is disposed or this process has ended. */
export interface CacheLease extends Disposable {
  readonly path: string;
}

export interface BuildEntry {
  /** Lower-case letters, digits and hyphens; the same name must mean the same content. */
  readonly name: string;
  /** About how large it will be; room is made for so much. */
  readonly expectedBytes: number;
  /** Fills an empty folder; when it rejects, nothing is left of it. */
  readonly build: (folder: string) => Promise<void>;
}

/**
 * Folders that can be made anew, below a limit of size. Several processes may share it. Entries are whole or absent:
 * they are built aside and renamed. System errors that the machine's owner can mend are thrown as MachineErrors that
 * name the folder.
 */
export class Cache {
  /** Absolute path. */
  readonly folder: string;
  readonly limitBytes: number;
  readonly #processes: RunningProcesses;

  /** Creates nothing yet. */
  constructor(
    folder: string,
    { limitBytes = DEFAULT_CACHE_LIMIT_BYTES, processes = processesFromProc() }: CacheOptions = {},
  ) {
    this.folder = folder;
    this.limitBytes = limitBytes;
    this.#processes = processes;
  }

  /** Everything that is whole, most recently used first. */
  async entries(): Promise<readonly CacheEntry[]> {
    return await this.#guarded(async () => {
      const leased = await this.#leasedNames();
      const entries: CacheEntry[] = [];
      for (const name of await names(this.#entriesFolder)) {
        const facts = await this.#entryFacts(name);
        if (facts !== undefined) entries.push({ name, path: this.#entryPath(name), ...facts, inUse: leased.has(name) });
      }
      return entries.sort((left, right) => right.lastUsedAt.getTime() - left.lastUsedAt.getTime());
    });
  }

  /**
   * The entry of that name, built if it is not there; removes the least recently used ones to make room.
   * @throws MachineError `cache-too-small` when it cannot fit, even with all that is not in use removed; what `build`
   * rejects with
   */
  async acquire({ name, expectedBytes, build }: BuildEntry): Promise<CacheLease> {
    if (!namePattern.test(name)) throw new RangeError(`${JSON.stringify(name)} cannot name an entry of the cache`);
    return await this.#guarded(async () => {
      for (const folder of [this.#entriesFolder, this.#leasesFolder, this.#buildingFolder, this.#reservedFolder])
        await makeFolder(folder, { doing: `using the cache ${this.folder}` });
      const reservation = join(this.#reservedFolder, this.#owned(name));
      const found = await this.#locked(async () => {
        await this.#removeLeftovers();
        if ((await this.#entryFacts(name)) !== undefined) return await this.#lease(name);
        await this.#makeRoom(expectedBytes);
        await writeFile(reservation, `${expectedBytes}`);
        return undefined;
      });
      if (found !== undefined) return found;
      try {
        return await this.#build(name, build);
      } finally {
        await rm(reservation, { force: true });
      }
    });
  }

  /** Removes everything that is not in use; says what went and what stayed. */
  async clear(): Promise<{ readonly removed: readonly CacheEntry[]; readonly kept: readonly CacheEntry[] }> {
    return await this.#guarded(async () => {
      if ((await names(this.folder)).length === 0) return { removed: [], kept: [] };
      return await this.#locked(async () => {
        await this.#removeLeftovers();
        const entries = await this.entries();
        const removed = entries.filter(({ inUse }) => !inUse);
        for (const entry of removed) await this.#remove(entry.name);
        return { removed, kept: entries.filter(({ inUse }) => inUse) };
      });
    });
  }

  async #build(name: string, build: BuildEntry['build']): Promise<CacheLease> {
    const folder = join(this.#buildingFolder, this.#owned(name));
    await mkdir(folder);
    try {
      await build(folder);
      await writeFile(join(folder, ENTRY_FILE), JSON.stringify({ sizeBytes: await folderBytes(folder) }));
      return await this.#locked(async () => {
        // Another process may have built the same meanwhile; its entry may be in use, so it stays.
        if ((await this.#entryFacts(name)) === undefined) {
          await rm(this.#entryPath(name), { recursive: true, force: true });
          await rename(folder, this.#entryPath(name));
        }
        return await this.#lease(name);
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #lease(name: string): Promise<CacheLease> {
    const leaseFile = join(this.#leasesFolder, this.#owned(name));
    await writeFile(leaseFile, '');
    const now = new Date();
    await utimes(join(this.#entryPath(name), ENTRY_FILE), now, now);
    return { path: this.#entryPath(name), [Symbol.dispose]: () => rmSync(leaseFile, { force: true }) };
  }

  async #makeRoom(expectedBytes: number): Promise<void> {
    const entries = await this.entries();
    const reserved = await this.#reservedBytes();
    let held = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, reserved);
    const pinned = entries.reduce((sum, { sizeBytes, inUse }) => sum + (inUse ? sizeBytes : 0), reserved);
    if (pinned + expectedBytes > this.limitBytes) {
      throw new MachineError(
        `${formatBytes(expectedBytes)} more do not fit into the cache ${this.folder}, whose limit is ` +
          `${formatBytes(this.limitBytes)}${pinned > 0 ? ` and of which ${formatBytes(pinned)} are in use` : ''}`,
        {
          code: 'cache-too-small',
          hint: pinned > 0 ? 'wait until the other run has ended, or make the image smaller' : 'make the image smaller',
        },
      );
    }
    for (const entry of entries.toReversed()) {
      if (held + expectedBytes <= this.limitBytes) return;
      if (entry.inUse) continue;
      await this.#remove(entry.name);
      held -= entry.sizeBytes;
    }
  }

  /** What the entries that are being built will need; those of processes that are gone are removed before. */
  async #reservedBytes(): Promise<number> {
    let bytes = 0;
    for (const owned of await names(this.#reservedFolder)) {
      // A build that ends meanwhile takes its reservation with it.
      bytes += Number(await readFile(join(this.#reservedFolder, owned), 'utf8').catch(() => '0'));
    }
    return bytes;
  }

  /** Renames first, so that an entry is never seen half removed. */
  async #remove(name: string): Promise<void> {
    const aside = join(this.#buildingFolder, this.#owned(name));
    await rename(this.#entryPath(name), aside);
    await rm(aside, { recursive: true, force: true });
  }

  /** What crashed processes left behind: half-built folders, leases, entries that are not whole. */
  async #removeLeftovers(): Promise<void> {
    for (const folder of [this.#buildingFolder, this.#leasesFolder, this.#reservedFolder]) {
      for (const owned of await names(folder)) {
        if (!(await this.#hasOwner(join(folder, owned))))
          await rm(join(folder, owned), { recursive: true, force: true });
      }
    }
    for (const name of await names(this.#entriesFolder)) {
      if ((await this.#entryFacts(name)) === undefined)
        await rm(this.#entryPath(name), { recursive: true, force: true });
    }
  }

  async #entryFacts(name: string): Promise<{ readonly sizeBytes: number; readonly lastUsedAt: Date } | undefined> {
    const path = join(this.#entryPath(name), ENTRY_FILE);
    try {
      const { sizeBytes } = JSON.parse(await readFile(path, 'utf8')) as { readonly sizeBytes?: unknown };
      return typeof sizeBytes === 'number' ? { sizeBytes, lastUsedAt: (await stat(path)).mtime } : undefined;
    } catch (error) {
      if (error instanceof SyntaxError || systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR')
        return undefined;
      throw error;
    }
  }

  async #leasedNames(): Promise<ReadonlySet<string>> {
    const leased = new Set<string>();
    for (const owned of await names(this.#leasesFolder)) {
      if (await this.#hasOwner(join(this.#leasesFolder, owned))) leased.add(owned.slice(0, owned.indexOf('.')));
    }
    return leased;
  }

  /** `name.pid.random`: whose file or folder it is can be told from the name alone. */
  #owned(name: string): string {
    return `${name}.${this.#processes.pid}.${randomUUID()}`;
  }

  async #hasOwner(path: string): Promise<boolean> {
    const pid = Number(path.split('.').at(-2));
    if (!this.#processes.isRunning(pid)) return false;
    try {
      return Date.now() - (await stat(path)).mtimeMs < this.#processes.leaseLifetimeMs;
    } catch {
      return false;
    }
  }

  async #locked<Result>(action: () => Promise<Result>): Promise<Result> {
    return await withCacheLock(join(this.folder, 'lock'), this.#processes, action);
  }

  async #guarded<Result>(action: () => Promise<Result>): Promise<Result> {
    try {
      return await action();
    } catch (error) {
      throw asMachineError(error, `using the cache ${this.folder}`);
    }
  }

  get #entriesFolder(): string {
    return join(this.folder, 'entries');
  }

  get #leasesFolder(): string {
    return join(this.folder, 'leases');
  }

  get #buildingFolder(): string {
    return join(this.folder, 'building');
  }

  get #reservedFolder(): string {
    return join(this.folder, 'reserved');
  }

  #entryPath(name: string): string {
    return join(this.#entriesFolder, name);
  }
}

async function names(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
