import { crc32 } from 'node:zlib';

import { z } from 'zod';

import { IntegrityError, UsageError } from '../model/errors.ts';
import { isSameProcess, type ProcessIdentity } from '../process/process-identity.ts';
import { ByteRanges, type ByteRange } from './byte-ranges.ts';

export const journalFormatVersion = 1;

/** What a journal is about: another of any of these makes other bytes, or bytes that cannot be checked. */
export interface RestoredArchive {
  /** `vm/100/2026-02-16T16:30:44Z` */
  readonly snapshot: string;
  /** `drive-scsi0.img.fidx` */
  readonly archive: string;
  /** The index's own checksum over all digests, hex; of a blob, which has no index, that of its content. */
  readonly indexChecksum: string;
  /** Plain bytes. */
  readonly size: number;
  /** Of the key that the chunks are encrypted with; absent where they are not. */
  readonly keyFingerprint?: string;
}

/** What a line after the first may say. */
export type JournalEntry =
  | { readonly restored: readonly ByteRange[] }
  | { readonly openedBy: ProcessIdentity }
  | { readonly closedBy: ProcessIdentity };

export interface Journal {
  readonly archive: RestoredArchive;
  /** What was written and made durable before its line. */
  readonly restored: ByteRanges;
}

const MAGIC = 'restorelab restore journal';

const wholeNumber = z.int().min(0);
const ownerSchema = z.object({ pid: wholeNumber, startTicks: wholeNumber });
const headerSchema = z.object({ journal: z.literal(MAGIC), formatVersion: wholeNumber });
const archiveSchema = z.object({
  snapshot: z.string(),
  archive: z.string(),
  indexChecksum: z.string(),
  size: wholeNumber,
  keyFingerprint: z.string().optional(),
});
const entrySchema = z.union([
  z.object({ restored: z.array(z.tuple([wholeNumber, wholeNumber])) }),
  z.object({ openedBy: ownerSchema }),
  z.object({ closedBy: ownerSchema }),
]);

/** The first line. */
export function formatJournalHeader(archive: RestoredArchive): string {
  return formatLine({ journal: MAGIC, formatVersion: journalFormatVersion, ...archive });
}

export function formatJournalEntry(entry: JournalEntry): string {
  return formatLine(entry);
}

/**
 * Reads a journal: JSON lines, each behind the CRC-32 of its text. A line that is torn or damaged is passed over,
 * wherever it stands: its chunks are restored again, and those of other lines are read back before they count. Without a
 * whole line it is undefined: who began it had no time to note anything.
 * @param path for messages
 * @throws IntegrityError `journal-damaged` where the first line is; UsageError `journal-too-new`
 */
export function parseJournal(text: string, path: string): Journal | undefined {
  if (!text.includes('\n')) return undefined;
  // Of somebody who was refused a line may stand before it.
  const lines = text.split('\n').map(parseLine);
  const at = lines.findIndex((line) => headerSchema.safeParse(line).success);
  const archive = parseHeader(lines[at], path);
  const restored = new ByteRanges();
  for (const [line, entry] of entriesOf(lines)) {
    if (!('restored' in entry)) continue;
    if (line < at) throw journalDamaged(path);
    for (const [offset, length] of entry.restored) restored.add(offset, length);
  }
  return { archive, restored };
}

/** The processes that have opened a journal and not closed it, in the order of opening, whatever else is in it. */
export function parseOwners(text: string): readonly ProcessIdentity[] {
  const owners: ProcessIdentity[] = [];
  for (const [, entry] of entriesOf(text.split('\n').map(parseLine))) {
    if ('openedBy' in entry) owners.push(entry.openedBy);
    else if ('closedBy' in entry) {
      const at = owners.findLastIndex((owner) => isSameProcess(owner, entry.closedBy));
      if (at !== -1) owners.splice(at, 1);
    }
  }
  return owners;
}

function* entriesOf(lines: readonly unknown[]): Generator<readonly [line: number, JournalEntry], void, undefined> {
  for (const [number, line] of lines.entries()) {
    const { data: entry } = entrySchema.safeParse(line);
    if (entry !== undefined) yield [number, entry];
  }
}

function parseHeader(header: unknown, path: string): RestoredArchive {
  const { data: kind } = headerSchema.safeParse(header);
  if (kind !== undefined && kind.formatVersion > journalFormatVersion) {
    throw new UsageError(
      `the journal ${path} has format version ${kind.formatVersion}, and this restorelab knows ${journalFormatVersion}`,
      {
        code: 'journal-too-new',
        hint: 'go on with the version that began the restore, or begin anew with --restart',
      },
    );
  }
  const { data } = archiveSchema.safeParse(header);
  if (data === undefined) throw journalDamaged(path);
  const { keyFingerprint, ...archive } = data;
  return { ...archive, ...(keyFingerprint === undefined ? {} : { keyFingerprint }) };
}

function journalDamaged(path: string): IntegrityError {
  return new IntegrityError(`the first line of the journal ${path} cannot be read`, {
    code: 'journal-damaged',
    hint: 'begin anew with --restart',
  });
}

function formatLine(value: unknown): string {
  const json = JSON.stringify(value);
  return `${checksumOf(json)} ${json}\n`;
}

/** The value of a line, or undefined where it is not as it was written. */
function parseLine(line: string): unknown {
  const json = line.slice(9);
  if (line.length < 10 || line.slice(0, 9) !== `${checksumOf(json)} `) return undefined;
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}

const checksumOf = (text: string): string => crc32(text).toString(16).padStart(8, '0');
