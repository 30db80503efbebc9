import {
  comparators,
  objectiveMetrics,
  rateNames,
  type Objective,
  type ObjectiveMetric,
  type ObjectiveTerm,
  type ObjectiveUnit,
} from '../model/objective.ts';
import { didYouMean, listed } from './findings.ts';
import { parseQuantity, type QuantityKind } from './quantity.ts';
import { quote } from './wording.ts';

/** What is wrong with an objective, and where in its text. */
export interface ObjectiveProblem {
  readonly start: number;
  readonly length: number;
  readonly message: string;
  readonly allowed: string;
}

/** How a quantity beside a metric of each unit is written. */
const kindOfUnit: Readonly<Record<ObjectiveUnit, QuantityKind>> = {
  bytesPerSecond: 'rate',
  secondsPerGb: 'cpuCost',
  ms: 'duration',
  bytes: 'size',
};

const unitNouns: Readonly<Record<ObjectiveUnit, string>> = {
  bytesPerSecond: 'bytes per second',
  secondsPerGb: 'CPU seconds per GB',
  ms: 'a duration',
  bytes: 'bytes',
};

const form = '`LABEL.METRIC >= FACTOR * LABEL.METRIC` or `LABEL.METRIC >= QUANTITY`';

/** A piece of the objective's text. */
interface Piece {
  readonly text: string;
  readonly start: number;
}

class ProblemFound extends Error {
  readonly problem: ObjectiveProblem;
  constructor({ text, start }: Piece, message: string, allowed: string) {
    super(message);
    this.problem = { start, length: Math.max(1, text.length), message, allowed };
  }
}

/**
 * Parses `window-unordered.throughput.data >= 2.5 * sequential.throughput.data` and the like:
 *
 *     objective  = term (">=" | "<=" | ">" | "<") term
 *     term       = [number "*"] label "." metric | label "." metric "*" number | number unit
 *
 * Both sides must be of one unit, at least one must name a strategy, and a throughput must name its rate.
 */
export function parseObjective(
  text: string,
  labels: readonly string[],
): { readonly objective: Objective } | { readonly problem: ObjectiveProblem } {
  try {
    return { objective: objectiveOf(text, labels) };
  } catch (error) {
    if (error instanceof ProblemFound) return { problem: error.problem };
    throw error;
  }
}

function objectiveOf(text: string, labels: readonly string[]): Objective {
  const [found, second] = [...text.matchAll(/[<>=!≤≥]+/gu)];
  if (found === undefined) throw new ProblemFound({ text, start: 0 }, 'an objective compares two sides', form);
  const comparator = comparators.find((known) => known === found[0]);
  if (comparator === undefined)
    throw new ProblemFound(
      { text: found[0], start: found.index },
      `${quote(found[0])} does not compare`,
      listed(comparators),
    );
  if (second !== undefined)
    throw new ProblemFound(
      { text: second[0], start: second.index },
      'an objective compares two sides only',
      `${form}; another objective for another comparison`,
    );
  const leftPiece = trimmed({ text: text.slice(0, found.index), start: 0 });
  const rightStart = found.index + comparator.length;
  const rightPiece = trimmed({ text: text.slice(rightStart), start: rightStart });
  const leftName = metricReference(leftPiece, labels);
  const rightName = metricReference(rightPiece, labels);
  const unit =
    leftName === undefined ? rightName && objectiveMetrics[rightName.metric] : objectiveMetrics[leftName.metric];
  if (unit === undefined) throw new ProblemFound(leftPiece, 'neither side names a strategy and a metric', form);
  const left: ObjectiveTerm = leftName ?? quantityTerm(leftPiece, unit);
  const right: ObjectiveTerm = rightName ?? quantityTerm(rightPiece, unit);
  const rightUnit = right.kind === 'metric' ? objectiveMetrics[right.metric] : right.unit;
  if (rightUnit !== unit) {
    throw new ProblemFound(
      rightPiece,
      `${unitNouns[rightUnit]} cannot be compared with ${unitNouns[unit]}`,
      `a metric in the same unit: ${listed(metricsOf(unit))}`,
    );
  }
  return { text, left, comparator, right };
}

/** The metric that a term names, or undefined where it is a quantity. */
function metricReference(
  piece: Piece,
  labels: readonly string[],
): Extract<ObjectiveTerm, { kind: 'metric' }> | undefined {
  const factors = piece.text.split('*');
  if (factors.length === 1)
    return /^[\d.+-]/u.test(piece.text) ? undefined : { kind: 'metric', factor: 1, ...reference(piece, labels) };
  const [first = '', second = ''] = factors;
  const firstPiece = trimmed({ text: first, start: piece.start });
  const secondPiece = trimmed({ text: second, start: piece.start + first.length + 1 });
  if (factors.length > 2) throw new ProblemFound(piece, 'one factor is enough', form);
  const [number, name] = /^[\d.+-]/u.test(firstPiece.text) ? [firstPiece, secondPiece] : [secondPiece, firstPiece];
  if (!/^(?:\d+(?:\.\d+)?|\.\d+)$/u.test(number.text))
    throw new ProblemFound(number, `${quote(number.text)} is not a factor`, 'a plain positive number, for example 2.5');
  const factor = Number(number.text);
  if (factor === 0 || !Number.isFinite(factor))
    throw new ProblemFound(number, `${quote(number.text)} is not a factor`, 'a plain positive number, for example 2.5');
  return { kind: 'metric', factor, ...reference(name, labels) };
}

function reference(
  piece: Piece,
  labels: readonly string[],
): { readonly label: string; readonly metric: ObjectiveMetric } {
  const dot = piece.text.indexOf('.');
  const label = dot === -1 ? piece.text : piece.text.slice(0, dot);
  const metric = dot === -1 ? '' : piece.text.slice(dot + 1);
  if (piece.text === '') throw new ProblemFound(piece, 'a side is empty', form);
  if (!labels.includes(label)) {
    throw new ProblemFound(
      { text: label, start: piece.start },
      `no strategy of this scenario is called ${quote(label)}${didYouMean(label, labels)}`,
      listed(new Set(labels)),
    );
  }
  if (Object.hasOwn(objectiveMetrics, metric)) return { label, metric: metric as ObjectiveMetric };
  const metricPiece = metric === '' ? piece : { text: metric, start: piece.start + dot + 1 };
  if (metric === 'throughput') {
    throw new ProblemFound(
      metricPiece,
      'a throughput must name its rate',
      listed(rateNames.map((rate) => `throughput.${rate}`)),
    );
  }
  const metrics = Object.keys(objectiveMetrics);
  throw new ProblemFound(
    metricPiece,
    metric === '' ? `${quote(label)} names no metric` : `unknown metric ${quote(metric)}${didYouMean(metric, metrics)}`,
    listed(metrics),
  );
}

function quantityTerm(piece: Piece, unit: ObjectiveUnit): ObjectiveTerm {
  const parsed = parseQuantity(kindOfUnit[unit], piece.text);
  if ('value' in parsed) return { kind: 'quantity', value: parsed.value, unit };
  for (const [otherUnit, kind] of Object.entries(kindOfUnit) as [ObjectiveUnit, QuantityKind][]) {
    if ('value' in parseQuantity(kind, piece.text)) {
      throw new ProblemFound(
        piece,
        `${quote(piece.text)} is ${unitNouns[otherUnit]} and cannot be compared with ${unitNouns[unit]}`,
        parsed.allowed,
      );
    }
  }
  throw new ProblemFound(piece, parsed.message, parsed.allowed);
}

function metricsOf(unit: ObjectiveUnit): readonly string[] {
  return Object.entries(objectiveMetrics).flatMap(([metric, metricUnit]) => (metricUnit === unit ? [metric] : []));
}

function trimmed({ text, start }: Piece): Piece {
  return { text: text.trim(), start: start + (text.length - text.trimStart().length) };
}
