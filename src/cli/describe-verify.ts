import type { Metric } from '../model/metric.ts';
import { formatDuration, formatRate, formatShare } from '../model/units.ts';
import type { VerifyProblem, VerifyReport } from '../model/verify.ts';
import { namedPhases } from '../report/phase-names.ts';
import {
  AFTER_DAMAGE,
  affectedText,
  coverageRows,
  encryptedRows,
  problemText,
  verifyPhaseNames,
} from '../report/verify/verify-tables.ts';
import { formatTable } from '../ui/table.ts';
import { wrapText } from '../ui/wrap-text.ts';

/** Between two columns of a table. */
const GAP_CELLS = 2;

/** Problems that are printed one by one; the others are counted. JSON has them all. */
const MAX_LISTED_PROBLEMS = 50;

/**
 * What a verify found, how fast it went, and what it waited for.
 * @param width columns of the terminal, where it is one
 */
export function describeVerify(report: VerifyReport, width: number = Infinity): string {
  const { settings, problems, throughput, chunkLatencyMs, use } = report;
  const isWhole = report.status === 'completed';
  const rates = (['unique', 'read', 'data', 'logical'] as const).flatMap((name) => {
    const rate = throughput[name];
    return 'value' in rate ? [`${formatRate(rate.value)} ${name}`] : [];
  });
  const rows: readonly (readonly [name: string, text: string])[] = [
    ...coverageRows(report),
    ['rate', rates.length === 0 ? 'unknown: no chunk was read' : rates.join(', ')],
    ['chunk time', `${ms(chunkLatencyMs.p50)} median, ${ms(chunkLatencyMs.p99)} p99${phasesText(report)}`],
    ['read threads', `${settings.readThreads}, ${busy(use[0]?.utilization)}`],
    ['verify threads', `${settings.verifyThreads}, ${busy(use[1]?.utilization)}`],
    ...encryptedRows(report),
  ];
  const found = problems.length === 1 ? '1 problem was found' : `${problems.length} problems were found`;
  const isSound = problems.length === 0;
  const lines = [
    ...(isSound ? [] : [`DAMAGE: ${found}.\n`]),
    `${wrapText(report.verdict.sentence, width)}\n\n`,
    formatTable(wrapped(rows, width)),
    '\n',
  ];
  for (const problem of problems.slice(0, MAX_LISTED_PROBLEMS)) lines.push(...problemLines(problem));
  if (problems.length > MAX_LISTED_PROBLEMS) lines.push(`and ${problems.length - MAX_LISTED_PROBLEMS} more\n`);
  if (isSound) lines.push(`No damage was found${isWhole ? '' : ' until then'}.\n`);
  lines.push(`${wrapText(`Next: ${isSound ? report.verdict.next : AFTER_DAMAGE}`, width)}\n`);
  return lines.join('');
}

/** Facts whose text needs several lines become several rows. */
function wrapped(rows: readonly (readonly [name: string, text: string])[], width: number): readonly string[][] {
  const left = Math.max(...rows.map(([name]) => name.length)) + GAP_CELLS;
  return rows.flatMap(([name, text]) =>
    wrapText(text, width - left)
      .split('\n')
      .map((line, index) => [index === 0 ? name : '', line]),
  );
}

const ms = (time: Metric): string => ('value' in time ? formatDuration(time.value) : 'unknown');

const busy = (share: Metric | undefined): string =>
  share !== undefined && 'value' in share ? `${formatShare(share.value)} busy` : 'unknown how busy';

function phasesText({ phaseShares }: VerifyReport): string {
  const shares = namedPhases(verifyPhaseNames).flatMap(([phase, name]) => {
    const share = phaseShares[phase];
    return share === undefined ? [] : [`${formatShare(share)} ${name}`];
  });
  return shares.length === 0 ? '' : `: ${shares.join(', ')}`;
}

function problemLines(problem: VerifyProblem): readonly string[] {
  const affected = affectedText(problem);
  return [
    `DAMAGED ${problem.file}: ${problemText(problem)}\n`,
    ...(affected === '' ? [] : [`  affects ${affected}\n`]),
  ];
}
