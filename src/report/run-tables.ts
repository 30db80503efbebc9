import { caseName } from '../analysis/case-name.ts';
import type { Report, TrialReport } from '../model/report.ts';
import { formatBytes, formatDuration, formatRate, GB } from '../model/units.ts';
import { metricText, objectiveText, ratioAndInterval, throughputText, verdictNames } from './human-text.ts';
import { numberColumn, textColumn, type Table } from './table.ts';

/** One row a case and strategy: what a matrix shows at a glance. */
export function overviewTable({ cases }: Report): Table {
  return {
    title: 'All cases',
    note: 'Data rate: median, and in brackets the 95 % interval of the geometric mean. The ratio is to the first strategy.',
    columns: [
      textColumn('case'),
      textColumn('strategy'),
      numberColumn('data rate'),
      numberColumn('ratio'),
      textColumn('what limits the first strategy'),
    ],
    rows: cases.flatMap((one) =>
      one.strategies.map(({ label, throughput }) => {
        const comparison = one.comparisons.find(({ of }) => of === label);
        return [
          caseName(one),
          label,
          throughputText(throughput.data),
          comparison === undefined ? 'baseline' : ratioAndInterval(comparison),
          label === one.verdict.strategy ? verdictNames[one.verdict.code] : '',
        ];
      }),
    ),
  };
}

export function objectivesTable({ objectives }: Report): Table {
  return {
    title: 'Objectives',
    note: 'Measured is told of the case where the objective is worst.',
    columns: [textColumn('objective'), textColumn('result'), numberColumn('measured'), textColumn('reason')],
    rows: objectives.map((objective) => [
      objective.text,
      objective.passed ? 'passed' : 'FAILED',
      objectiveText(objective),
      objective.reason ?? '',
    ]),
  };
}

export function trialsTable({ cases }: Report): Table {
  const many = cases.length > 1;
  return {
    title: 'Every trial',
    columns: [
      numberColumn('trial'),
      ...(many ? [textColumn('case')] : []),
      textColumn('strategy'),
      numberColumn('block'),
      textColumn('status'),
      numberColumn('duration'),
      numberColumn('data rate'),
      textColumn('proof'),
    ],
    rows: cases
      .flatMap((one) =>
        one.strategies.flatMap(({ label, trials }) => trials.map((trial) => ({ trial, label, name: caseName(one) }))),
      )
      .toSorted((a, b) => a.trial.index - b.trial.index)
      .map(({ trial, label, name }) => [String(trial.index), many ? [name] : [], label, trialCells(trial)].flat(2)),
  };
}

function trialCells(trial: TrialReport): readonly string[] {
  const { block, status, warmUp, error, durationMs } = trial;
  return [
    String(block),
    `${status}${warmUp ? ', warm-up' : ''}${error === undefined ? '' : `: ${error.message}`}`,
    durationMs === undefined ? `unknown: ${missingReason(trial)}` : formatDuration(durationMs),
    trialRateText(trial),
    proofText(trial),
  ];
}

function missingReason({ status }: TrialReport): string {
  return status === 'not-run' ? 'not run' : 'not completed';
}

function trialRateText(trial: TrialReport): string {
  const { bytes, durationMs } = trial;
  return bytes === undefined || durationMs === undefined || durationMs <= 0
    ? `unknown: ${missingReason(trial)}`
    : formatRate((bytes.data * 1000) / durationMs);
}

function proofText(trial: TrialReport): string {
  const { verified, proof, sha256 } = trial;
  if (verified === undefined) return `unknown: ${missingReason(trial)}`;
  const hash = sha256 === undefined ? '' : ` (SHA-256 ${sha256.slice(0, 12)}...)`;
  // Of an image that is on a real server nobody has the original.
  if (proof === 'sha256-per-chunk')
    return `${verified ? 'every chunk had' : 'NOT every chunk had'} the digest of its slot in the index${hash}`;
  return `${verified ? 'equal' : 'NOT equal'} to the original${hash}`;
}

export function hostTable({ host, tool, scenario, startedAt, status, emulatorCeilingBytesPerSecond }: Report): Table {
  return {
    title: 'Run and machine',
    columns: [textColumn('fact'), textColumn('value')],
    rows: [
      ['scenario', `${scenario.name} (${scenario.file}, SHA-256 ${scenario.sha256.slice(0, 12)}...)`],
      ['started', startedAt],
      ['status', status],
      ...machineRows({ host, tool }),
      ['ceiling of the link emulator', metricText(emulatorCeilingBytesPerSecond, formatRate)],
      ...factRows(host),
    ],
  };
}

export function machineRows({ host, tool }: Pick<Report, 'host' | 'tool'>): readonly (readonly string[])[] {
  const { platform, arch, cpuModel, cores, memoryBytes } = host;
  return [
    ['tool', `${tool.name} ${tool.version}, Node.js ${tool.node.replace(/^v/u, '')}`],
    ['processor', `${cpuModel ?? 'unknown: could not be read'}, ${cores} cores, ${platform} ${arch}`],
    ['memory', `${(memoryBytes / GB).toFixed(1)} GB (${formatBytes(memoryBytes)})`],
  ];
}

/** Whatever else the machine said of itself. */
export function factRows({
  platform: _platform,
  arch: _arch,
  cpuModel: _cpuModel,
  cores: _cores,
  memoryBytes: _memoryBytes,
  ...facts
}: Report['host']): readonly (readonly string[])[] {
  return Object.entries(facts).flatMap(([name, value]) => {
    const text = factText(value);
    return text === undefined ? [] : [[name, text]];
  });
}

/** Facts are whatever the harness could read: plain values and lists as they are, anything deeper as JSON. */
function factText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value.map(factText).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
