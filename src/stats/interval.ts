import { geometricMean, mean, sampleDeviation } from './mean.ts';
import { twoSidedT } from './student-t.ts';

/** Of every interval in a report. */
export const CONFIDENCE = 0.95;

/** Values that an interval needs. */
export const MINIMUM_VALUES = 3;

export type Interval = readonly [low: number, high: number];

/**
 * 95 % interval of the geometric mean: Student's t-interval of the mean of the logarithms, taken back. Rates and ratios
 * are positive and skewed, so the logarithm is where they are nearest to symmetric. Absent for fewer than three values
 * (with one degree of freedom the 95 % point of t is 12.7: such an interval says nothing) or where a value is not above 0.
 */
export function logInterval(values: readonly number[]): Interval | undefined {
  if (values.length < MINIMUM_VALUES || !values.every((value) => value > 0)) return undefined;
  const logs = values.map(Math.log);
  const centre = mean(logs);
  const deviation = sampleDeviation(logs);
  if (centre === undefined || deviation === undefined) return undefined;
  const half = (twoSidedT(CONFIDENCE, logs.length - 1) * deviation) / Math.sqrt(logs.length);
  return [Math.exp(centre - half), Math.exp(centre + half)];
}

export interface PairedRatio {
  readonly pairs: number;
  /** Geometric mean of the pairs' ratios. */
  readonly ratio: number;
  /** Absent for fewer than three pairs. */
  readonly interval?: Interval;
}

/**
 * How many times `of` is `to`, from values measured in pairs (one pair a block), so that what slows a whole block, such
 * as another load on the machine, cancels out. Undefined without pairs or where a value is not above 0.
 */
export function pairedRatio(pairs: readonly { readonly of: number; readonly to: number }[]): PairedRatio | undefined {
  if (!pairs.every(({ of, to }) => of > 0 && to > 0)) return undefined;
  const ratios = pairs.map(({ of, to }) => of / to);
  const ratio = geometricMean(ratios);
  if (ratio === undefined) return undefined;
  const interval = logInterval(ratios);
  return { pairs: pairs.length, ratio, ...(interval === undefined ? {} : { interval }) };
}

export interface IndependentRatio {
  /** Of the geometric means. */
  readonly ratio: number;
  /** Absent for fewer than three values on either side. */
  readonly interval?: Interval;
}

/**
 * How many times `of` is `to`, from values that are no pairs, such as those of two machines: the ratio of the geometric
 * means with Welch's t-interval on the logarithms, degrees of freedom after Satterthwaite, rounded down. Undefined
 * without values or where a value is not above 0.
 */
export function independentRatio(of: readonly number[], to: readonly number[]): IndependentRatio | undefined {
  const above = logMoments(of);
  const below = logMoments(to);
  if (above === undefined || below === undefined) return undefined;
  const difference = above.mean - below.mean;
  const ratio = Math.exp(difference);
  if (Math.min(of.length, to.length) < MINIMUM_VALUES) return { ratio };
  const variance = above.squaredError + below.squaredError;
  if (variance === 0) return { ratio, interval: [ratio, ratio] };
  const degrees =
    variance ** 2 / (above.squaredError ** 2 / (of.length - 1) + below.squaredError ** 2 / (to.length - 1));
  const half = twoSidedT(CONFIDENCE, Math.max(1, Math.floor(degrees))) * Math.sqrt(variance);
  return { ratio, interval: [Math.exp(difference - half), Math.exp(difference + half)] };
}

/** Mean of the logarithms and the square of its standard error. */
function logMoments(values: readonly number[]): { readonly mean: number; readonly squaredError: number } | undefined {
  if (!values.every((value) => value > 0 && Number.isFinite(value))) return undefined;
  const logs = values.map(Math.log);
  const centre = mean(logs);
  if (centre === undefined) return undefined;
  return { mean: centre, squaredError: (sampleDeviation(logs) ?? 0) ** 2 / logs.length };
}
