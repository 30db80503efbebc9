import { caseName } from '../analysis/case-name.ts';
import type { Analysis } from '../analysis/summarise.ts';
import type { CaseReport, Comparison, ComparisonVerdict, StrategyReport } from '../model/report.ts';
import { strategyName, trialCount } from './case-tables.ts';
import { headline } from './headline.ts';
import { comparisonNames, formatNumber, metricText, ratioAndInterval, throughputText } from './human-text.ts';
import { numberColumn, textColumn, type Column } from './table.ts';

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
  /** Columns of the terminal; all sentences but the first are broken there. */
  readonly width?: number;
}

/** The table printed after a run. The first line says what was found; ends with a line end. */
export function renderTerminal(
  { report }: Analysis,
  { style = plainStyle, width = 100 }: TerminalOptions = {},
): string {
  const many = report.cases.length > 1;
  const next = wrap(`Next: ${report.verdict.next}`, width).map(style.dim);
  const lines = [
    style.bold(clean(headline(report))),
    '',
    ...report.cases.flatMap((one) => [
      ...(many ? wrap(`${caseName(one.parameters)}: ${one.verdict.sentence}`, width).map(style.bold) : []),
      ...caseLines(one, style),
      '',
    ]),
    ...report.objectives.flatMap(({ text, passed, measured, reason }) => {
      const result = passed ? style.green('passed') : style.red('FAILED');
      const detail = [measured === undefined ? 'unknown' : `measured ${formatNumber(measured)} x`, reason].filter(
        (part) => part !== undefined,
      );
      return [`objective ${result}  ${clean(text)}  ${style.dim(clean(`(${detail.join(', ')})`))}`];
    }),
    ...(report.objectives.length === 0 ? [] : ['']),
    ...report.warnings.flatMap(({ code, sentence }) => wrap(`warning ${code}: ${sentence}`, width).map(style.yellow)),
    ...(report.warnings.length === 0 ? [] : ['']),
    ...next,
  ];
  return `${lines.join('\n')}\n`;
}

const columns: readonly Column[] = [
  textColumn('strategy'),
  numberColumn('data rate'),
  numberColumn('logical'),
  numberColumn('wire'),
  numberColumn('vs first'),
  textColumn(''),
  numberColumn('p50 / p99 chunk'),
  numberColumn('client CPU s/GB'),
  numberColumn('trials'),
];

function caseLines({ strategies, comparisons }: CaseReport, style: TerminalStyle): readonly string[] {
  const cells = [
    columns.map(({ name }) => name),
    ...strategies.map((strategy) =>
      strategyCells(
        strategy,
        comparisons.find(({ of }) => of === strategy.label),
      ).map(clean),
    ),
  ];
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row, rowIndex) => {
    const padded = row.map((text, column) => {
      const size = widths[column] ?? 0;
      return columns[column]?.align === 'right' ? text.padStart(size) : text.padEnd(size);
    });
    if (rowIndex === 0) return style.dim(padded.join('  ').trimEnd());
    const verdict = comparisons.find(({ of }) => of === strategies[rowIndex - 1]?.label)?.verdict;
    return padded
      .map((text, column) =>
        column === VERDICT_COLUMN && verdict !== undefined ? paintOf(verdict, style)(text) : text,
      )
      .join('  ');
  });
}

const VERDICT_COLUMN = 5;

function strategyCells(strategy: StrategyReport, comparison: Comparison | undefined): readonly string[] {
  const { throughput, chunkLatencyMs, cpuSecondsPerGb } = strategy;
  const milliseconds = (value: number): string => value.toFixed(value < 10 ? 1 : 0);
  const { p50, p99 } = chunkLatencyMs;
  const latency =
    'value' in p50 && 'value' in p99 ? `${milliseconds(p50.value)} / ${milliseconds(p99.value)} ms` : 'unknown';
  return [
    strategyName(strategy),
    throughputText(throughput.data),
    throughput.logical === undefined
      ? 'unknown'
      : throughputText({ medianBytesPerSecond: throughput.logical.medianBytesPerSecond }),
    throughput.wire === undefined
      ? 'unknown'
      : throughputText({ medianBytesPerSecond: throughput.wire.medianBytesPerSecond }),
    comparison === undefined ? 'baseline' : ratioAndInterval(comparison),
    comparison === undefined ? '' : comparisonNames[comparison.verdict],
    latency,
    metricText(cpuSecondsPerGb.client, (value) => value.toFixed(2)),
    trialCount(strategy),
  ];
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

/** Breaks at blanks; a continuation is indented by two. */
function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of clean(text).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = `  ${word}`;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Names and error texts come from files and servers: none may move the cursor or break a line. */
function clean(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001F\u007F-\u009F]+/gu, ' ');
}
