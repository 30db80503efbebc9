import type { Metric } from '../model/metric.ts';
import { formatBytes, formatDuration, formatRate, formatShare } from '../model/units.ts';
import type { VerifyProblem, VerifyReport } from '../model/verify.ts';
import { formatTable } from '../ui/table.ts';

/** Problems that are printed one by one; the others are counted. JSON has them all. */
const MAX_LISTED_PROBLEMS = 50;

/** Archives that a problem names. */
const MAX_LISTED_ARCHIVES = 5;

/** A server reuses chunks that it takes for sound: only its own verify sets bad ones aside. */
const AFTER_DAMAGE =
  'Look after the disk, do not count on the archives that are named, and run the verify of the server: it sets bad chunks aside, so that the next backup writes those anew that its machine still has.';

/** What a verify found, how fast it went, and what it waited for. */
export function describeVerify(report: VerifyReport): string {
  const { bytes, settings, problems, throughput, chunkLatencyMs, use } = report;
  const isWhole = report.status === 'completed';
  const rates = (['unique', 'read', 'data', 'logical'] as const).flatMap((name) => {
    const rate = throughput[name];
    return 'value' in rate ? [`${formatRate(rate.value)} ${name}`] : [];
  });
  const rows = [
    ['snapshots', `${report.snapshotCount}, with ${report.archiveCount} archives of ${formatBytes(bytes.logical)}`],
    [
      'chunks',
      `${report.chunkCount} distinct of ${report.slotCount}, ${isWhole ? 'each read once' : `${report.checkedCount} read, each once`}`,
    ],
    ['bytes', `${formatBytes(bytes.checked)}, stored as ${formatBytes(bytes.read)}`],
    [
      'time',
      `${formatDuration(report.durationMs)} for the chunks, in the order of ${settings.order === 'inode' ? 'inodes' : 'the indexes'}`,
    ],
    ['rate', rates.join(', ')],
    ['chunk time', `${ms(chunkLatencyMs.p50)} median, ${ms(chunkLatencyMs.p99)} p99: ${phasesText(report)}`],
    ['read threads', `${settings.readThreads}, ${busy(use[0]?.utilization)}`],
    ['verify threads', `${settings.verifyThreads}, ${busy(use[1]?.utilization)}`],
  ];
  if (report.withoutKeyCount > 0) {
    const needs = settings.keyFingerprint === undefined ? 'need --keyfile' : 'are under another key';
    rows.push(['encrypted', `${report.withoutKeyCount} chunks, CRC-32 only: their contents ${needs}`]);
  }
  const found = problems.length === 1 ? '1 problem was found' : `${problems.length} problems were found`;
  const isSound = problems.length === 0;
  const lines = [
    ...(isSound ? [] : [`DAMAGE: ${found}.\n`]),
    `${report.verdict.sentence}\n\n`,
    formatTable(rows),
    '\n',
  ];
  for (const problem of problems.slice(0, MAX_LISTED_PROBLEMS)) lines.push(...problemLines(problem));
  if (problems.length > MAX_LISTED_PROBLEMS) lines.push(`and ${problems.length - MAX_LISTED_PROBLEMS} more\n`);
  if (isSound) lines.push(`No damage was found${isWhole ? '' : ' until then'}.\n`);
  lines.push(`Next: ${isSound ? report.verdict.next : AFTER_DAMAGE}\n`);
  return lines.join('');
}

const ms = (time: Metric): string => ('value' in time ? formatDuration(time.value) : 'unknown');

const busy = (share: Metric | undefined): string =>
  share !== undefined && 'value' in share ? `${formatShare(share.value)} busy` : 'unknown how busy';

/** What the phases of a chunk are in a verify. */
function phasesText({ phaseShares: { queued = 0, waiting = 0, receiving = 0, decoding = 0 } }: VerifyReport): string {
  const parts = [
    [queued, 'queued'],
    [waiting, 'waiting for the first byte'],
    [receiving, 'reading'],
    [decoding, 'checking'],
  ] as const;
  return parts.map(([share, name]) => `${formatShare(share)} ${name}`).join(', ');
}

function problemLines({ file, digest, problem, affects }: VerifyProblem): readonly string[] {
  // The file has the digest for its name.
  const clause =
    digest === undefined ? problem : problem.replace(`chunk ${digest}: `, '').replace(`chunk ${digest} `, 'it ');
  const others = affects.filter((archive) => archive !== file);
  const named = others.slice(0, MAX_LISTED_ARCHIVES).join(', ');
  const more = others.length > MAX_LISTED_ARCHIVES ? ` and ${others.length - MAX_LISTED_ARCHIVES} more` : '';
  return [`DAMAGED ${file}: ${clause}\n`, ...(named === '' ? [] : [`  affects ${named}${more}\n`])];
}
