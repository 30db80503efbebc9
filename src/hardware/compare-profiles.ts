import { independentRatio } from '../stats/interval.ts';
import type { Interval } from '../stats/interval.ts';
import type { Measurement } from './profile.ts';
import { perCpuSecondOf, perSecondOf } from './summarise-measurement.ts';

export const profileVerdicts = ['faster', 'slower', 'not-distinguishable', 'inconclusive'] as const;
export type ProfileVerdict = (typeof profileVerdicts)[number];

export interface RatioEstimate {
  /** Of the geometric means. */
  readonly ratio: number;
  /** 95 %; absent for fewer than three rounds on either side. */
  readonly interval?: Interval;
  readonly verdict: ProfileVerdict;
}

/** One primitive on so many threads: how many times `of` is `to`. */
export interface ComparedMeasurement {
  readonly name: string;
  readonly threads: { readonly of: number; readonly to: number };
  readonly perSecond: RatioEstimate;
  /** Absent where either side has no account of CPU time. */
  readonly perCpuSecond?: RatioEstimate;
}

/**
 * Compares what both sides measured: on one thread, and on all cores of each, however many these are. The rounds of two
 * machines are no pairs, so the intervals are Welch's. `compare(a, a)` is exactly 1 everywhere, `compare(b, a)` the
 * reciprocal of `compare(a, b)`.
 */
export function compareMeasurements(
  of: readonly Measurement[],
  to: readonly Measurement[],
): readonly ComparedMeasurement[] {
  return of.flatMap((measurement) => {
    const isAlone = measurement.threads === 1;
    const partner = to.find(({ name, threads }) => name === measurement.name && (threads === 1) === isAlone);
    if (partner === undefined || !('samples' in measurement) || !('samples' in partner)) return [];
    const perSecond = compareValues(perSecondOf(measurement.samples), perSecondOf(partner.samples));
    const perCpuSecond = compareValues(perCpuSecondOf(measurement.samples), perCpuSecondOf(partner.samples));
    if (perSecond === undefined) return [];
    return [
      {
        name: measurement.name,
        threads: { of: measurement.threads, to: partner.threads },
        perSecond,
        ...(perCpuSecond === undefined ? {} : { perCpuSecond }),
      },
    ];
  });
}

function compareValues(of: readonly number[], to: readonly number[]): RatioEstimate | undefined {
  const result = independentRatio(of, to);
  return result === undefined ? undefined : { ...result, verdict: judge(result.interval) };
}

function judge(interval: Interval | undefined): ProfileVerdict {
  if (interval === undefined) return 'inconclusive';
  const [low, high] = interval;
  if (low > 1) return 'faster';
  return high < 1 ? 'slower' : 'not-distinguishable';
}
