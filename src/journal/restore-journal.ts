import { open, readFile, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { makeFolder } from '../files/make-folder.ts';
import { asMachineError, systemErrorCode, UsageError } from '../model/errors.ts';
import { identityOf, isRunning, isSameProcess, type ProcessIdentity } from '../process/process-identity.ts';
import type { ByteRange, ByteRanges } from './byte-ranges.ts';
import {
  formatJournalEntry,
  formatJournalHeader,
  parseJournal,
  parseOwners,
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
  /** What an earlier restore has noted is discarded, whatever it is about. */
  readonly discards?: boolean;
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
   *
   * Of several processes that do so at once one gets it. Node.js has no `flock`: each adds its line to the end, which the
   * kernel does one after another, and then looks whose is the first of those that run. So nobody may remove or empty a
   * journal but the one who has it.
   * @throws UsageError `restore-differs` where it is about something else, `restore-running`, `journal-too-new`;
   * IntegrityError `journal-damaged`; MachineError
   */
  static async open({ path, archive, target, pid, discards = false }: OpenJournalOptions): Promise<RestoreJournal> {
    const text = await readText(path);
    refuseRunning(parseOwners(text), target);
    const earlier = discards ? undefined : parseJournal(text, path);
    if (earlier !== undefined) refuseOther(earlier.archive, archive, target);
    const owner = identityOf(pid);
    await using opened = new AsyncDisposableStack();
    try {
      await makeFolder(dirname(path), { doing: `writing the journal ${path}`, mode: 0o700 });
      const file = await open(path, 'a', 0o600);
      const journal = opened.use(new RestoreJournal(path, file, owner, earlier?.restored));
      const header = formatJournalHeader(archive);
      // Behind a torn line it is a line of its own.
      const start = (text === '' ? '' : '\n') + (earlier === undefined ? header : '');
      let entered = await journal.#enter(start, target);
      if (discards) {
        await file.truncate(0);
        entered = await journal.#enter(header, target);
      }
      // Others may have had it since it was read.
      refuseOther(parseJournal(entered, path)?.archive ?? archive, archive, target);
      await syncFolder(dirname(path));
      opened.move();
      return journal;
    } catch (error) {
      throw asMachineError(error, `writing the journal ${path}`);
    }
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

  /**
   * Adds this text and the line of this process.
   * @returns all that is in the journal then
   * @throws UsageError `restore-running` where another was first
   */
  async #enter(text: string, target: string): Promise<string> {
    await this.#file.appendFile(text + formatJournalEntry({ openedBy: this.#owner }));
    await this.#file.datasync();
    const entered = await readText(this.#path);
    const owners = parseOwners(entered);
    const own = owners.findLastIndex((owner) => isSameProcess(owner, this.#owner));
    // Who had it has ended meanwhile, and removed it.
    if (own === -1) throw restoreRunning('another process', target);
    refuseRunning(owners.slice(0, own), target);
    return entered;
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

/** Of a journal; empty where there is none. */
async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return '';
    throw asMachineError(error, `reading the journal ${path}`);
  }
}

async function removeFile(path: string): Promise<void> {
  try {
    await rm(path);
    await syncFolder(dirname(path));
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw asMachineError(error, `removing the journal ${path}`);
  }
}

function refuseRunning(owners: readonly ProcessIdentity[], target: string): void {
  const running = owners.find(isRunning);
  if (running !== undefined) throw restoreRunning(`process ${running.pid}`, target);
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
