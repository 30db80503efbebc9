import { countsAsMeasured } from '../analysis/measured-trials.ts';
import type { Analysis } from '../analysis/summarise.ts';
import { rateNames } from '../model/objective.ts';
import { phases, type CaseReport, type StrategyReport } from '../model/report.ts';
import { csvText, type Cell } from './csv-text.ts';

/**
 * summary.csv: one row a case and strategy, base units in the column names. A cell is a number, or `unknown: reason`;
 * the columns of a comparison are empty for the baseline, which is compared with nothing.
 */
export function renderSummaryCsv({ report }: Analysis): string {
  const parameters = [...new Set(report.cases.flatMap((one) => Object.keys(one.parameters)))];
  const knobs = [
    ...new Set(report.cases.flatMap((one) => one.strategies.flatMap((strategy) => Object.keys(strategy.knobs)))),
  ];
  const rows = report.cases.flatMap((one, index) =>
    one.strategies.map((strategy) => ({
      scenario: report.scenario.name,
      startedAt: report.startedAt,
      case: index,
      ...prefixed(parameters, 'parameter', (name) => one.parameters[name]),
      strategy: strategy.label,
      strategyName: strategy.name,
      ...prefixed(knobs, 'knob', (name) => knobCell(strategy.knobs[name])),
      ...measurements(strategy),
      ...comparisonCells(one, strategy),
      verdict: strategy.label === one.verdict.strategy ? one.verdict.code : '',
    })),
  );
  return csvText(rows, ['scenario', 'startedAt', 'case', 'strategy']);
}

function knobCell(knob: number | boolean | undefined): Cell {
  return typeof knob === 'boolean' ? String(knob) : knob;
}

function measurements(strategy: StrategyReport): Readonly<Record<string, Cell>> {
  const { throughput, cpuSecondsPerGb, chunkLatencyMs, writeDisplacement, headOfLineWaitMs, littlesLaw, trials } =
    strategy;
  const rates = rateNames.flatMap((rate): readonly (readonly [string, Cell])[] => [
    [`${rate}BytesPerSecond`, throughput[rate]?.medianBytesPerSecond ?? 'unknown: not measured'],
    [`${rate}BytesPerSecondLow`, throughput[rate]?.interval?.[0] ?? 'unknown: fewer than three trials'],
    [`${rate}BytesPerSecondHigh`, throughput[rate]?.interval?.[1] ?? 'unknown: fewer than three trials'],
  ]);
  return {
    trialsMeasured: trials.filter(countsAsMeasured).length,
    trialsPlanned: trials.filter(({ warmUp }) => !warmUp).length,
    ...Object.fromEntries(rates),
    clientCpuSecondsPerGb: cpuSecondsPerGb.client,
    proofCpuSecondsPerGb: cpuSecondsPerGb.proof,
    serverCpuSecondsPerGb: cpuSecondsPerGb.server,
    chunkLatencyP50Ms: chunkLatencyMs.p50,
    chunkLatencyP95Ms: chunkLatencyMs.p95,
    chunkLatencyP99Ms: chunkLatencyMs.p99,
    chunkLatencyMaxMs: chunkLatencyMs.max,
    ...prefixed(phases, 'phaseShare', (phase) => strategy.phaseShares[phase] ?? 'unknown: no chunk times'),
    writeDisplacementMean: writeDisplacement.mean,
    writeDisplacementMax: writeDisplacement.max,
    headOfLineWaitP95Ms: headOfLineWaitMs.p95,
    peakBufferedBytes: strategy.peakBufferedBytes,
    predictedInFlight: littlesLaw.predictedInFlight,
    measuredInFlight: littlesLaw.measuredInFlight,
  };
}

function comparisonCells({ comparisons }: CaseReport, { label }: StrategyReport): Readonly<Record<string, Cell>> {
  const comparison = comparisons.find(({ of }) => of === label);
  return {
    comparedTo: comparison?.to,
    dataRateRatio: comparison?.ratio,
    dataRateRatioLow: comparison?.interval?.[0],
    dataRateRatioHigh: comparison?.interval?.[1],
    comparisonVerdict: comparison?.verdict,
  };
}

function prefixed<Name extends string>(
  names: readonly Name[],
  prefix: string,
  cell: (name: Name) => Cell,
): Readonly<Record<string, Cell>> {
  return Object.fromEntries(names.map((name) => [`${prefix}.${name}`, cell(name)]));
}
