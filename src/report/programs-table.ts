import { countsAsMeasured } from '../analysis/measured-trials.ts';
import type { Metric } from '../model/metric.ts';
import type { CaseReport, TrialReport } from '../model/report.ts';
import { formatBytes, formatDuration } from '../model/units.ts';
import { formatNumber, metricText } from './human-text.ts';
import { numberColumn, textColumn, type Table } from './table.ts';

/** What programs used and said in their last measured trial; without rows where none was run. */
export function programsTable({ strategies }: CaseReport): Table {
  return {
    title: 'Programs',
    note: 'The last measured trial of each: all its processes together, and what it printed in the unit that it really is in.',
    columns: [
      textColumn('strategy'),
      textColumn('command'),
      textColumn('verified'),
      numberColumn('CPU'),
      numberColumn('peak memory'),
      numberColumn('connections'),
      textColumn('printed'),
    ],
    rows: strategies.flatMap(({ label, trials }) => {
      const last = trials.findLast((trial) => trial.external !== undefined && countsAsMeasured(trial));
      return last?.external === undefined ? [] : [rowOf(label, last, last.external)];
    }),
  };
}

function rowOf(label: string, trial: TrialReport, program: NonNullable<TrialReport['external']>): readonly string[] {
  const { command, usage, figures } = program;
  const of = (figure: Metric | undefined, format: (value: number) => string): string =>
    figure === undefined ? 'unknown: not sampled' : metricText(figure, format);
  return [
    label,
    command.join(' '),
    trial.verified === true ? 'yes' : `no: ${trial.notVerifiable ?? 'not proven'}`,
    of(usage?.cpuMs, formatDuration),
    of(usage?.peakResidentBytes, formatBytes),
    of(usage?.peakConnections, formatNumber),
    figures.flatMap(({ printed }) => printed).join(', ') || 'nothing that is known',
  ];
}
