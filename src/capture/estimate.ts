import { SeededRandom } from '../material/seeded-random.ts';
import { logInterval, type Interval } from '../stats/interval.ts';
import { quantile } from '../stats/quantile.ts';

/** A figure with what is known of its error. */
export interface Estimate {
  readonly value: number;
  /** 95 %; absent where there are too few samples for one. */
  readonly interval?: Interval;
  readonly samples: number;
}

/** Fewer samples hold too little of their own error to be drawn from again. */
const FEWEST_FOR_INTERVAL = 5;
const RESAMPLES = 400;

/**
 * A figure made of groups of samples, with the percentile interval of the bootstrap (Efron and Tibshirani, An Introduction
 * to the Bootstrap, 13.3): each group is drawn again from itself. The same samples always give the same interval.
 */
export function estimateFrom<Groups extends readonly (readonly number[])[]>(
  groups: Groups,
  statistic: (groups: Groups) => number,
): Estimate {
  const value = statistic(groups);
  const samples = Math.min(...groups.map(({ length }) => length));
  if (samples < FEWEST_FOR_INTERVAL) return { value, samples };
  const random = new SeededRandom('bootstrap');
  const drawn = Array.from({ length: RESAMPLES }, () =>
    statistic(groups.map((group) => group.map(() => group[random.below(group.length)] ?? 0)) as unknown as Groups),
  );
  return { value, samples, interval: [quantile(drawn, 0.025) ?? value, quantile(drawn, 0.975) ?? value] };
}

/** A rate from the rates of equal parts of its time. */
export function estimateRate(value: number, parts: readonly number[]): Estimate {
  const interval = logInterval(parts);
  return { value, samples: parts.length, ...(interval === undefined ? {} : { interval }) };
}

/**
 * Of times: a busy machine makes them longer and never shorter, so that those from here down are nearest to what they
 * would be without it, while the very first ones of few are chance.
 */
const UNDISTURBED = 0.2;

/** What takes always the same time takes this much without what disturbed some of it; undefined without samples. */
export function undisturbed(samples: readonly number[]): number | undefined {
  return quantile(samples, UNDISTURBED);
}

/** Between the shortest twentieth and the shortest quarter, which the disturbed ones hardly reach. */
export function lowerSpread(samples: readonly number[]): number {
  return (quantile(samples, 0.25) ?? 0) - (quantile(samples, 0.05) ?? 0);
}
