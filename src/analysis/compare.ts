import type { Comparison, ComparisonVerdict } from '../model/report.ts';
import { pairedRatio, type PairedRatio } from '../stats/interval.ts';
import { rateOf, type MeasuredTrial } from './measured-trials.ts';

/** Fewer blocks than this say nothing: the t-interval of two pairs has one degree of freedom (t = 12.7). */
export const MINIMUM_PAIRS = 3;

/** An interval inside +-10 % round 1 is narrow enough to say that nobody would feel the difference. */
const EQUIVALENCE_MARGIN = 0.1;

export interface ComparedStrategy {
  readonly label: string;
  readonly trials: readonly MeasuredTrial[];
}

/**
 * Compares two strategies of one case by data rate: the geometric mean of the ratios of trials of the same block, with
 * its 95 % t-interval on the log scale. `compare(a, a)` is exactly 1, `compare(b, a)` the reciprocal of `compare(a, b)`.
 */
export function compare(of: ComparedStrategy, to: ComparedStrategy): Comparison {
  const pairs = of.trials.flatMap((trial) => {
    const partner = to.trials.find(({ block }) => block === trial.block);
    return partner === undefined ? [] : [{ of: rateOf(trial, 'data'), to: rateOf(partner, 'data') }];
  });
  const result = pairedRatio(pairs);
  return {
    of: of.label,
    to: to.label,
    ...(result === undefined ? {} : { ratio: result.ratio }),
    ...(result?.interval === undefined ? {} : { interval: result.interval }),
    pairs: pairs.length,
    verdict: judge(result),
  };
}

function judge(result: PairedRatio | undefined): ComparisonVerdict {
  if (result?.interval === undefined || result.pairs < MINIMUM_PAIRS) return 'inconclusive';
  const [low, high] = result.interval;
  if (low > 1) return 'faster';
  if (high < 1) return 'slower';
  return low >= 1 / (1 + EQUIVALENCE_MARGIN) && high <= 1 + EQUIVALENCE_MARGIN ? 'not-distinguishable' : 'inconclusive';
}
