import { formatBytes, formatDuration, formatRate, formatShare } from '../model/units.ts';
import { formatTable } from '../ui/table.ts';
import type { ReadingOrder } from '../verify/chunk-list.ts';
import type { VerifyOutcome } from '../verify/verify-datastore.ts';
import type { VerifyProblem } from '../verify/verify-problem.ts';

/** Problems that are printed one by one; the others are counted. JSON has them all. */
const MAX_LISTED_PROBLEMS = 50;

/** Archives that a problem names. */
const MAX_LISTED_ARCHIVES = 5;

/** What a verify found and how fast it went. */
export function describeVerify(
  outcome: VerifyOutcome,
  {
    readThreads,
    verifyThreads,
    order,
  }: { readonly readThreads: number; readonly verifyThreads: number; readonly order: ReadingOrder },
): string {
  const { problems, durationMs } = outcome;
  const rate = (bytes: number): string => (durationMs > 0 ? formatRate((bytes * 1000) / durationMs) : 'unknown');
  const rows = [
    [
      'snapshots',
      `${outcome.snapshotCount}, with ${outcome.archiveCount} archives of ${formatBytes(outcome.logicalBytes)}`,
    ],
    ['chunks', `${outcome.chunkCount} distinct of ${outcome.slotCount}, each read once`],
    ['bytes', `${formatBytes(outcome.uniqueBytes)}, stored as ${formatBytes(outcome.storedBytes)}`],
    [
      'time',
      `${formatDuration(durationMs)} for the chunks, in the order of ${order === 'inode' ? 'inodes' : 'the indexes'}`,
    ],
    [
      'rate',
      `${rate(outcome.uniqueBytes)} unique, ${rate(outcome.storedBytes)} read, ${rate(outcome.logicalBytes)} logical`,
    ],
    ['read threads', threads(readThreads, outcome.readBusyMs, durationMs)],
    ['verify threads', threads(verifyThreads, outcome.verifyBusyMs, durationMs)],
  ];
  if (outcome.withoutKeyCount > 0) {
    rows.push(['encrypted', `${outcome.withoutKeyCount} chunks, CRC-32 only: their contents need --keyfile`]);
  }
  const lines = [formatTable(rows)];
  for (const problem of problems.slice(0, MAX_LISTED_PROBLEMS)) lines.push(...problemLines(problem));
  if (problems.length > MAX_LISTED_PROBLEMS) lines.push(`and ${problems.length - MAX_LISTED_PROBLEMS} more\n`);
  lines.push(
    problems.length === 0
      ? 'No damage was found.\n'
      : `${problems.length} ${problems.length === 1 ? 'problem was' : 'problems were'} found.\n`,
  );
  return lines.join('');
}

const threads = (count: number, busyMs: number, durationMs: number): string =>
  `${count}${durationMs > 0 ? `, ${formatShare(Math.min(1, busyMs / (count * durationMs)))} busy` : ''}`;

function problemLines({ file, problem, affects }: VerifyProblem): readonly string[] {
  const others = affects.filter((archive) => archive !== file);
  const named = others.slice(0, MAX_LISTED_ARCHIVES).join(', ');
  const more = others.length > MAX_LISTED_ARCHIVES ? ` and ${others.length - MAX_LISTED_ARCHIVES} more` : '';
  return [`DAMAGED ${file}: ${problem}\n`, ...(named === '' ? [] : [`  affects ${named}${more}\n`])];
}
