import { caseName } from '../analysis/case-name.ts';
import type { Analysis } from '../analysis/summarise.ts';
import type { Metric } from '../model/metric.ts';
import type { CaseReport, Comparison, ComparisonVerdict, Report, StrategyReport, Throughput } from '../model/report.ts';
import { formatDuration, formatRate } from '../model/units.ts';
import { strategyName, trialCount } from './case-tables.ts';
import { headline } from './headline.ts';
import { comparisonNames, objectiveText, ratioAndInterval, throughputText } from './human-text.ts';
import { profileLines } from './profile-lines.ts';
import { numberColumn, textColumn, type Column } from './table.ts';
import { clean, wrap } from './wrapped-text.ts';

type Paint = (text: string) => string;

/** Colours as functions; plain text uses {@link plainStyle}. */
export interface TerminalStyle {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly green: Paint;
  readonly red: Paint;
  readonly yellow: Paint;
}

const asIs: Paint = (text) => text;
export const plainStyle: TerminalStyle = { bold: asIs, dim: asIs, green: asIs, red: asIs, yellow: asIs };

export interface TerminalOptions {
  readonly style?: TerminalStyle;
  /**
   * Columns of the terminal: all sentences but the first are broken there, and the table shows what fits. Without it,
   * as in a pipe, the table is whole and sentences are broken at 100.
   */
  readonly width?: number;
}

/** Where nothing says how wide the reader's window is. */
const WIDTH_OF_SENTENCES = 100;

/** The table printed after a run. The first line says what was found; ends with a line end. */
export function renderTerminal({ report }: Analysis, { style = plainStyle, width }: TerminalOptions = {}): string {
  const many = report.cases.length > 1;
  const wrapAt = width ?? WIDTH_OF_SENTENCES;
  const next = wrap(`Next: ${report.verdict.next}`, wrapAt).map(style.dim);
  const lines = [
    // Whole on a pipe, for programs that read the first line; broken where a terminal would break it in a word.
    ...(width === undefined ? [clean(headline(report))] : wrap(headline(report), width)).map(style.bold),
    '',
    ...(report.profile === undefined ? [] : profileLines(report.profile, wrapAt, width ?? Infinity)),
    ...report.cases.flatMap((one) => [
      ...(many ? wrap(`${caseName(one)}: ${one.verdict.sentence}`, wrapAt).map(style.bold) : []),
      ...caseLines(one, style, width ?? Infinity),
      '',
    ]),
    ...report.objectives.flatMap((objective) => {
      const { text, passed, reason } = objective;
      const result = passed ? style.green('passed') : style.red('FAILED');
      const detail = [`measured ${objectiveText(objective)}`, reason].filter((part) => part !== undefined);
      return [`objective ${result}  ${clean(text)}  ${style.dim(clean(`(${detail.join(', ')})`))}`];
    }),
    ...(report.objectives.length === 0 ? [] : ['']),
    ...(hasInterval(report) ? [...wrap(INTERVAL_NOTE, wrapAt).map(style.dim), ''] : []),
    ...report.warnings.flatMap(({ code, sentence }) => wrap(`warning ${code}: ${sentence}`, wrapAt).map(style.yellow)),
    ...(report.warnings.length === 0 ? [] : ['']),
    ...next,
  ];
  return `${lines.join('\n')}\n`;
}

const INTERVAL_NOTE =
  'Rates are medians of the measured trials; in brackets the 95 % interval of their geometric mean.';

function hasInterval({ cases }: Report): boolean {
  return cases.some(({ strategies }) => strategies.some(({ throughput }) => throughput.data?.interval !== undefined));
}

interface TerminalColumn extends Column {
  readonly cell: (strategy: StrategyReport, comparison: Comparison | undefined) => string;
  readonly paint?: (style: TerminalStyle, comparison: Comparison | undefined) => Paint;
}

/**
 * In order of importance: those at the end give way where the terminal is narrow. The reports hold all of them, and the
 * reason for what is unknown, which would push other columns off the screen.
 */
const columns: readonly TerminalColumn[] = [
  { ...textColumn('strategy'), cell: strategyName },
  {
    ...numberColumn('data rate'),
    cell: ({ throughput }) => (throughput.data === undefined ? 'unknown' : throughputText(throughput.data)),
  },
  {
    ...numberColumn('against first'),
    cell: (_, comparison) => {
      if (comparison === undefined) return 'baseline';
      return comparison.ratio === undefined ? 'unknown' : ratioAndInterval(comparison);
    },
  },
  {
    ...textColumn('verdict'),
    cell: (_, comparison) => (comparison === undefined ? '' : comparisonNames[comparison.verdict]),
    paint: (style, comparison) => (comparison === undefined ? plainStyle.dim : paintOf(comparison.verdict, style)),
  },
  { ...numberColumn('trials'), cell: trialCount },
  { ...numberColumn('logical rate'), cell: ({ throughput }) => medianText(throughput.logical) },
  { ...numberColumn('wire rate'), cell: ({ throughput }) => medianText(throughput.wire) },
  { ...numberColumn('chunk p50'), cell: ({ chunkLatencyMs }) => shortMetric(chunkLatencyMs.p50, formatDuration) },
  { ...numberColumn('chunk p99'), cell: ({ chunkLatencyMs }) => shortMetric(chunkLatencyMs.p99, formatDuration) },
  {
    ...numberColumn('client CPU s/GB'),
    cell: ({ cpuSecondsPerGb }) => shortMetric(cpuSecondsPerGb.client, (value) => value.toFixed(2)),
  },
  { ...numberColumn('unique rate'), cell: ({ throughput }) => medianText(throughput.unique) },
];

/** Below these the table says nothing. */
const COLUMNS_KEPT = 4;

function caseLines({ strategies, comparisons }: CaseReport, style: TerminalStyle, width: number): readonly string[] {
  const rows = strategies.map((strategy) => ({
    strategy,
    comparison: comparisons.find(({ of }) => of === strategy.label),
  }));
  const drawn = columns.map((column) => {
    const cells = rows.map(({ strategy, comparison }) => clean(column.cell(strategy, comparison)));
    return { column, cells, size: Math.max(...[column.name, ...cells].map((text) => text.length)) };
  });
  let used = -GAP.length;
  const shown = drawn.filter(({ size }, index) => {
    used += size + GAP.length;
    return index < COLUMNS_KEPT || used <= width;
  });
  const fit = (text: string, { column, size }: (typeof drawn)[number]): string =>
    column.align === 'right' ? text.padStart(size) : text.padEnd(size);
  const header = shown.map((one) => fit(one.column.name, one)).join(GAP);
  const body = rows.map(({ comparison }, row) =>
    shown
      .map((one) => (one.column.paint?.(style, comparison) ?? asIs)(fit(one.cells[row] ?? '', one)))
      .join(GAP)
      .trimEnd(),
  );
  return [style.dim(header.trimEnd()), ...body];
}

const GAP = '  ';

function medianText(throughput: Throughput | undefined): string {
  return throughput === undefined ? 'unknown' : formatRate(throughput.medianBytesPerSecond);
}

/** Without the reason, which stands in the reports. */
function shortMetric(metric: Metric, format: (value: number) => string): string {
  return 'value' in metric ? format(metric.value) : 'unknown';
}

function paintOf(verdict: ComparisonVerdict, style: TerminalStyle): Paint {
  const paints: Readonly<Record<ComparisonVerdict, Paint>> = {
    faster: style.green,
    slower: style.red,
    'not-distinguishable': style.dim,
    inconclusive: style.yellow,
  };
  return paints[verdict];
}
