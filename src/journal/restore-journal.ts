import { mkdir, open, readFile, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { asMachineError, KnownError, systemErrorCode, UsageError } from '../model/errors.ts';
import { identityOf, isRunning, type ProcessIdentity } from '../process/process-identity.ts';
import type { ByteRange, ByteRanges } from './byte-ranges.ts';
import {
  formatJournalEntry,
  formatJournalHeader,
  parseJournal,
  type Journal,
  type JournalEntry,
  type RestoredArchive,
} from './journal-format.ts';
import { syncFolder } from './sync-folder.ts';

export interface OpenJournalOptions {
  readonly path: string;
  readonly archive: RestoredArchive;
  /** What is restored to, for messages. */
  readonly target: string;
  /** The process that restores. */
  readonly pid: number;
}

/**
 * What has been restored to a target and will still be there after a crash. Lines are only added: those of a batch
 * after its data was made durable.
 */
export class RestoreJournal implements AsyncDisposable {
  /** What the journal of an earlier restore claims, to be read back before it counts; undefined for a new journal. */
  readonly claimed: ByteRanges | undefined;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #owner: ProcessIdentity;
  #isOpen = true;

  private constructor(path: string, file: FileHandle, owner: ProcessIdentity, claimed?: ByteRanges) {
    this.#path = path;
    this.#file = file;
    this.#owner = owner;
    this.claimed = claimed;
  }

  /**
   * Begins a journal, or goes on with the one that is there.
   * @throws UsageError `restore-differs` where it is about something else, `restore-running`, `journal-too-new`;
   * IntegrityError `journal-damaged`; MachineError
   */
  static async open({ path, archive, target, pid }: OpenJournalOptions): Promise<RestoreJournal> {
    const earlier = await readJournal(path);
    if (earlier !== undefined) {
      refuseRunning(earlier, target);
      refuseOther(earlier.archive, archive, target);
    }
    const owner = identityOf(pid);
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const file = await open(path, earlier === undefined ? 'wx' : 'a', 0o600);
      const journal = new RestoreJournal(path, file, owner, earlier?.restored);
      if (earlier === undefined) await file.appendFile(formatJournalHeader(archive));
      else if (!earlier.endsWithLine) await file.appendFile('\n');
      await journal.#append({ openedBy: owner });
      await syncFolder(dirname(path));
      return journal;
    } catch (error) {
      if (systemErrorCode(error) === 'EEXIST') throw restoreRunning('another process', target);
      throw asMachineError(error, `writing the journal ${path}`);
    }
  }

  /**
   * Removes the journal of an earlier restore, if there is one.
   * @throws UsageError `restore-running`; MachineError
   */
  static async discard(path: string, target: string): Promise<void> {
    const earlier = await readJournal(path).catch((error: unknown) => {
      // Whatever is in it: the user wants to be rid of it.
      if (error instanceof KnownError) return undefined;
      throw error;
    });
    if (earlier !== undefined) refuseRunning(earlier, target);
    await removeFile(path);
  }

  /** After the bytes were made durable; resolves when that is noted for good. */
  async add(ranges: Iterable<ByteRange>): Promise<void> {
    try {
      await this.#append({ restored: [...ranges] });
    } catch (error) {
      throw asMachineError(error, `writing the journal ${this.#path}`);
    }
  }

  /** The restore is complete. */
  async remove(): Promise<void> {
    await this.#close();
    await removeFile(this.#path);
  }

  /** Leaves it for a later restore. */
  async [Symbol.asyncDispose](): Promise<void> {
    // Where the disk is full the next restore sees that this process has ended.
    if (this.#isOpen) await this.#append({ closedBy: this.#owner }).catch(() => {});
    await this.#close();
  }

  async #append(entry: JournalEntry): Promise<void> {
    await this.#file.appendFile(formatJournalEntry(entry));
    await this.#file.datasync();
  }

  async #close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#file.close();
  }
}

/** @throws UsageError, IntegrityError that name the file */
async function readJournal(path: string): Promise<Journal | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw asMachineError(error, `reading the journal ${path}`);
  }
  // The process died before the first line was whole, so nothing had been written yet.
  if (!text.includes('\n')) {
    await rm(path);
    return undefined;
  }
  return parseJournal(text, path);
}

async function removeFile(path: string): Promise<void> {
  try {
    await rm(path);
    await syncFolder(dirname(path));
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw asMachineError(error, `removing the journal ${path}`);
  }
}

function refuseRunning({ openedBy }: Journal, target: string): void {
  if (openedBy === undefined || !isRunning(openedBy)) return;
  throw restoreRunning(`process ${openedBy.pid}`, target);
}

function restoreRunning(who: string, target: string): UsageError {
  return new UsageError(`${who} is restoring to ${target}`, {
    code: 'restore-running',
    hint: 'wait until it has ended, or name another target',
  });
}

function refuseOther(earlier: RestoredArchive, wanted: RestoredArchive, target: string): void {
  const difference = differenceOf(earlier, wanted);
  if (difference === undefined) return;
  throw new UsageError(`what is restored to ${target} so far is ${difference}`, {
    code: 'restore-differs',
    hint: 'name what it was begun with to go on, or discard it and begin anew with --restart',
  });
}

/** In words a user knows, or undefined where both are the same. */
function differenceOf(earlier: RestoredArchive, wanted: RestoredArchive): string | undefined {
  if (earlier.snapshot !== wanted.snapshot || earlier.archive !== wanted.archive)
    return `${earlier.archive} of ${earlier.snapshot}, not ${wanted.archive} of ${wanted.snapshot}`;
  if (earlier.keyFingerprint !== wanted.keyFingerprint) {
    const key = ({ keyFingerprint }: RestoredArchive): string =>
      keyFingerprint === undefined ? 'no key' : `the key ${keyFingerprint}`;
    return `decrypted with ${key(earlier)}, not with ${key(wanted)}`;
  }
  if (earlier.indexChecksum !== wanted.indexChecksum || earlier.size !== wanted.size) {
    return (
      `another ${wanted.archive} of the same name and time: ` +
      `its index has the checksum ${earlier.indexChecksum}, not ${wanted.indexChecksum}`
    );
  }
  return undefined;
}
