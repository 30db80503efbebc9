import { metric, unavailable, type Metric } from '../model/metric.ts';
import type { Comparator, Objective, ObjectiveMetric, ObjectiveTerm, RateName } from '../model/objective.ts';
import type { CaseReport, ObjectiveReport, StrategyReport } from '../model/report.ts';
import { median } from '../stats/quantile.ts';
import { caseName } from './case-name.ts';
import { countsAsMeasured, WIRE_UNSEEN } from './measured-trials.ts';

interface Evaluation {
  readonly caseName: string;
  readonly holds: boolean;
  /** Left over right, which tells which case is worst; undefined where it could not be measured or the right is 0. */
  readonly quotient?: number;
  readonly measured?: number;
  readonly unit?: NonNullable<ObjectiveReport['unit']>;
  readonly reason?: string;
}

/**
 * An objective holds when it holds in every case; what was measured is told of the case where it is worst. What could
 * not be measured does not hold, and says why.
 */
export function evaluateObjectives(
  objectives: readonly Objective[],
  cases: readonly CaseReport[],
): readonly ObjectiveReport[] {
  return objectives.map((objective) => {
    const evaluations = cases.map((one) => evaluate(objective, one));
    const passed = evaluations.length > 0 && evaluations.every(({ holds }) => holds);
    const unmeasured = evaluations.find(({ measured, reason }) => measured === undefined && reason !== undefined);
    if (unmeasured?.reason !== undefined) {
      return { text: objective.text, passed: false, reason: inCase(unmeasured, unmeasured.reason, cases) };
    }
    const worst = evaluations.toSorted(worstFirst(objective.comparator))[0];
    if (worst?.measured === undefined) {
      return { text: objective.text, passed, ...(worst === undefined ? { reason: 'no case was run' } : {}) };
    }
    const failures = evaluations.filter(({ holds }) => !holds).length;
    const reason =
      cases.length > 1 && !passed
        ? `fails in ${failures} of ${cases.length} cases, worst in ${worst.caseName}`
        : undefined;
    const { measured, unit } = worst;
    return {
      text: objective.text,
      passed,
      measured,
      ...(unit === undefined ? {} : { unit }),
      ...(reason === undefined ? {} : { reason }),
    };
  });
}

function evaluate({ left, right, comparator }: Objective, one: CaseReport): Evaluation {
  const name = caseName(one);
  const leftValue = termValue(left, one);
  const rightValue = termValue(right, one);
  if (typeof leftValue === 'string') return { caseName: name, holds: false, reason: leftValue };
  if (typeof rightValue === 'string') return { caseName: name, holds: false, reason: rightValue };
  const holds = satisfies[comparator](leftValue, rightValue);
  return {
    caseName: name,
    holds,
    ...(rightValue === 0 ? {} : { quotient: leftValue / rightValue }),
    ...measuredSide(left, leftValue, right, rightValue),
  };
}

/** What a reader compares with the number that stands in the objective. */
function measuredSide(
  left: ObjectiveTerm,
  leftValue: number,
  right: ObjectiveTerm,
  rightValue: number,
): Pick<Evaluation, 'measured' | 'unit'> {
  if (right.kind === 'quantity') return { measured: leftValue, unit: right.unit };
  if (left.kind === 'quantity') return { measured: rightValue, unit: left.unit };
  return rightValue === 0 ? {} : { measured: leftValue / (rightValue / right.factor), unit: 'ratio' };
}

const satisfies: Readonly<Record<Comparator, (left: number, right: number) => boolean>> = {
  '>=': (left, right) => left >= right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '<': (left, right) => left < right,
};

/** The term's value in base units, or the reason why there is none. */
function termValue(term: ObjectiveTerm, one: CaseReport): number | string {
  if (term.kind === 'quantity') return term.value;
  const strategy = one.strategies.find(({ label }) => label === term.label);
  if (strategy === undefined) return `there is no strategy ${term.label}`;
  const value = metricOf[term.metric](strategy);
  return 'value' in value ? value.value * term.factor : `${term.label}.${term.metric} is unknown: ${value.unavailable}`;
}

const metricOf: Readonly<Record<ObjectiveMetric, (strategy: StrategyReport) => Metric>> = {
  'throughput.logical': (strategy) => throughputOf(strategy, 'logical'),
  'throughput.data': (strategy) => throughputOf(strategy, 'data'),
  'throughput.unique': (strategy) => throughputOf(strategy, 'unique'),
  'throughput.wire': (strategy) => throughputOf(strategy, 'wire'),
  'cpuSecondsPerGb.client': ({ cpuSecondsPerGb }) => cpuSecondsPerGb.client,
  'cpuSecondsPerGb.server': ({ cpuSecondsPerGb }) => cpuSecondsPerGb.server,
  'chunkLatency.p50': ({ chunkLatencyMs }) => chunkLatencyMs.p50,
  'chunkLatency.p95': ({ chunkLatencyMs }) => chunkLatencyMs.p95,
  'chunkLatency.p99': ({ chunkLatencyMs }) => chunkLatencyMs.p99,
  'chunkLatency.max': ({ chunkLatencyMs }) => chunkLatencyMs.max,
  duration: (strategy) => metricOrReason(median(measuredDurations(strategy)), 'no trial was measured'),
  peakBufferedBytes: ({ peakBufferedBytes }) => peakBufferedBytes,
};

function throughputOf(strategy: StrategyReport, rate: RateName): Metric {
  const measured = strategy.trials.filter(countsAsMeasured);
  const isUnseen = rate === 'wire' && measured.some(({ bytes }) => bytes.wire === undefined);
  const reason =
    measured.length === 0 ? 'no trial was measured' : isUnseen ? WIRE_UNSEEN : 'no such bytes were restored';
  return metricOrReason(strategy.throughput[rate]?.medianBytesPerSecond, reason);
}

function metricOrReason(value: number | undefined, reason: string): Metric {
  return value === undefined ? unavailable(reason) : metric(value);
}

function measuredDurations({ trials }: StrategyReport): readonly number[] {
  return trials.filter(countsAsMeasured).map(({ durationMs }) => durationMs);
}

/** The smallest quotient is the worst of a lower bound, the largest that of an upper bound. */
function worstFirst(comparator: Comparator): (a: Evaluation, b: Evaluation) => number {
  const sign = comparator === '>=' || comparator === '>' ? 1 : -1;
  return (a, b) => sign * ((a.quotient ?? 0) - (b.quotient ?? 0));
}

function inCase({ caseName: name }: Evaluation, reason: string, cases: readonly CaseReport[]): string {
  return cases.length > 1 ? `${reason} (in ${name})` : reason;
}
