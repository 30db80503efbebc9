import { formatBytes, formatDuration, formatRate, formatShare } from '../../model/units.ts';
import type { VerifyProblem, VerifyReport } from '../../model/verify.ts';
import { evidenceTable, useTable } from '../case-tables.ts';
import { metricText } from '../human-text.ts';
import { namedPhases, type PhaseNames } from '../phase-names.ts';
import { factRows, machineRows } from '../run-tables.ts';
import { numberColumn, textColumn, type Table } from '../table.ts';

/** What the phases of a chunk are in a verify; nothing is held or written. */
export const verifyPhaseNames: PhaseNames = {
  queued: 'queued',
  waiting: 'waiting for the first byte',
  receiving: 'reading',
  decoding: 'checking',
};

/** Problems that a page lists one by one; report.json has them all. */
const MAX_LISTED_PROBLEMS = 500;

/** Archives that a problem names. */
const MAX_LISTED_ARCHIVES = 5;

/** A server reuses chunks that it takes for sound: only its own verify sets bad ones aside. */
export const AFTER_DAMAGE =
  'Look after the disk, do not count on the archives that are named, and run the verify of the server: it sets bad chunks aside, so that the next backup writes those anew that its machine still has.';

/** Damage comes before speed. */
export function verifyHeadline({ problems, status, verdict }: VerifyReport): string {
  if (problems.length === 0)
    return `No damage was found${status === 'completed' ? '' : ' until then'}. ${verdict.sentence}`;
  const affected = new Set(problems.flatMap(({ affects }) => affects)).size;
  const found = problems.length === 1 ? '1 problem was found' : `${problems.length} problems were found`;
  const because = problems.length === 1 ? 'it' : 'them';
  return affected === 0
    ? `${found}.`
    : `${found}; ${affected} ${affected === 1 ? 'archive' : 'archives'} cannot be restored whole because of ${because}.`;
}

export function damageTable({ problems }: VerifyReport): Table {
  const more = problems.length > MAX_LISTED_PROBLEMS ? ` The first ${MAX_LISTED_PROBLEMS} of ${problems.length}.` : '';
  return {
    title: 'Damage',
    note: `Files below the datastore, and the archives that cannot be restored whole because of them; report.json has all.${more}`,
    columns: ['file', 'code', 'problem', 'affects'].map(textColumn),
    rows: problems
      .slice(0, MAX_LISTED_PROBLEMS)
      .map((problem) => [problem.file, problem.code, problemText(problem), affectedText(problem)]),
  };
}

/** Without the file, which is named beside it, and without the digest, which the file has for its name. */
export function problemText({ digest, file, problem }: VerifyProblem): string {
  const text = problem.replace(`${file}: `, '');
  return digest === undefined ? text : text.replace(`chunk ${digest}: `, '').replace(`chunk ${digest} `, 'it ');
}

/** The archives that a problem affects, besides the file itself; empty where there are none. */
export function affectedText({ file, affects }: VerifyProblem): string {
  const others = affects.filter((archive) => archive !== file);
  const named = others.slice(0, MAX_LISTED_ARCHIVES).join(', ');
  return others.length > MAX_LISTED_ARCHIVES ? `${named} and ${others.length - MAX_LISTED_ARCHIVES} more` : named;
}

/** What was read and in which time, as names and values. */
export function coverageRows(report: VerifyReport): readonly (readonly [name: string, value: string])[] {
  const { bytes, settings, status } = report;
  const read = status === 'completed' ? 'each read once' : `${report.checkedCount} read, each once`;
  return [
    [
      'snapshots',
      `${report.snapshotCount}, with ${report.archiveCount} ${report.archiveCount === 1 ? 'archive' : 'archives'} of ${formatBytes(bytes.logical)}`,
    ],
    ['chunks', `${report.chunkCount} distinct of ${report.slotCount}, ${read}`],
    ['bytes', `${formatBytes(bytes.checked)}, stored as ${formatBytes(bytes.read)}`],
    [
      'time',
      `${formatDuration(report.durationMs)} for the chunks, in the order of ${settings.order === 'inode' ? 'inodes' : 'the indexes'}`,
    ],
  ];
}

/** Of chunks whose contents could not be checked; none where there are none. */
export function encryptedRows({
  withoutKeyCount,
  settings,
}: VerifyReport): readonly (readonly [name: string, value: string])[] {
  if (withoutKeyCount === 0) return [];
  const needs = settings.keyFingerprint === undefined ? 'need --keyfile' : 'are under another key';
  return [['encrypted', `${withoutKeyCount} chunks, CRC-32 only: their contents ${needs}`]];
}

export function coverageTable(report: VerifyReport): Table {
  const { settings } = report;
  return {
    title: 'What was verified',
    columns: [textColumn('quantity'), textColumn('value')],
    rows: [
      ['datastore', settings.datastore],
      ...(settings.namespace === undefined ? [] : [['namespace', settings.namespace]]),
      ...(settings.snapshot === undefined ? [] : [['snapshot', settings.snapshot]]),
      ...coverageRows(report),
      ...encryptedRows(report),
      ['threads', `${settings.readThreads} to read, ${settings.verifyThreads} to check`],
    ],
  };
}

export function verifyRatesTable({ throughput, cpuSecondsPerGb }: VerifyReport): Table {
  const { unique, read, data, logical } = throughput;
  return {
    title: 'Four rates, and cost',
    note: 'Unique counts the plain bytes of distinct chunks, read what was stored of them; logical and data count all archives as if nothing were shared, data without chunks of zeros.',
    columns: [textColumn('rate'), numberColumn('measured')],
    rows: [
      ...Object.entries({ unique, read, data, logical }).map(([name, rate]) => [name, metricText(rate, formatRate)]),
      ['CPU for 10^9 unique bytes', metricText(cpuSecondsPerGb, (seconds) => `${seconds.toFixed(2)} s`)],
    ],
  };
}

export function chunkTimeTable({ chunkLatencyMs: { p50, p95, p99, max } }: VerifyReport): Table {
  return {
    title: 'Chunk time',
    note: 'From the request for a sound chunk until it is checked.',
    columns: [textColumn('of'), ...['p50', 'p95', 'p99', 'max'].map(numberColumn)],
    rows: [['verify', ...[p50, p95, p99, max].map((value) => metricText(value, formatDuration))]],
  };
}

export function verifyPhasesTable({ phaseShares }: VerifyReport): Table {
  const named = namedPhases(verifyPhaseNames);
  return {
    title: 'Phases of a chunk',
    note: 'Share of all chunk time; checking includes the wait for a verify thread.',
    columns: [textColumn('of'), ...named.map(([, name]) => numberColumn(name))],
    rows: [
      [
        'verify',
        ...named.map(([phase]) => {
          const share = phaseShares[phase];
          return share === undefined ? 'unknown: no chunk times' : formatShare(share);
        }),
      ],
    ],
  };
}

export function verifyHostTable({ host, tool, startedAt, status }: VerifyReport): Table {
  return {
    title: 'Verify and machine',
    columns: [textColumn('fact'), textColumn('value')],
    rows: [['started', startedAt], ['status', status], ...machineRows({ host, tool }), ...factRows(host)],
  };
}

/** Every table below the damage, in reading order. */
export function verifyTables(report: VerifyReport): readonly Table[] {
  return [
    coverageTable(report),
    verifyRatesTable(report),
    chunkTimeTable(report),
    verifyPhasesTable(report),
    useTable(report, 'While chunks were read and checked.'),
    evidenceTable(report),
    verifyHostTable(report),
  ];
}

/** How the figures were found. */
export function verifyMethods({ verdict }: VerifyReport): readonly string[] {
  return [
    `Verdict: ${verdict.rule}`,
    'Times and rates are of reading and checking chunks; reading manifests and indexes comes before. Every chunk is read once, however many archives name it.',
    'Chunk times are of sound chunks. A chunk that is in the page cache takes no disk: a second verify of a small datastore tells of memory.',
  ];
}
