import { logInterval, type Interval } from '../stats/interval.ts';
import { median } from '../stats/quantile.ts';
import type { RoundSample } from './control.ts';
import type { HardwareProfile, Measurement } from './profile.ts';

/** Median of the rounds, and the 95 % interval of their geometric mean where there are three or more. */
export interface Estimate {
  readonly median: number;
  readonly interval?: Interval;
}

export interface MeasurementSummary {
  readonly rounds: number;
  /** Bytes or operations per second, all threads together. */
  readonly perSecond: Estimate;
  /** Per second of CPU time; absent where the rounds were too short for the kernel's account of it. */
  readonly perCpuSecond?: Estimate;
}

/** Undefined where nothing was measured. */
export function summariseMeasurement(measurement: Measurement): MeasurementSummary | undefined {
  if (!('samples' in measurement)) return undefined;
  const { samples } = measurement;
  const perSecond = estimate(perSecondOf(samples));
  const perCpuSecond = samples.every(({ cpuMs }) => cpuMs > 0) ? estimate(perCpuSecondOf(samples)) : undefined;
  if (perSecond === undefined) return undefined;
  return { rounds: samples.length, perSecond, ...(perCpuSecond === undefined ? {} : { perCpuSecond }) };
}

export const perSecondOf = (samples: readonly RoundSample[]): readonly number[] =>
  samples.map(({ units, durationMs }) => (units * 1000) / durationMs);

export const perCpuSecondOf = (samples: readonly RoundSample[]): readonly number[] =>
  samples.map(({ units, cpuMs }) => (units * 1000) / cpuMs);

function estimate(values: readonly number[]): Estimate | undefined {
  const middle = median(values);
  if (middle === undefined) return undefined;
  const interval = logInterval(values);
  return { median: middle, ...(interval === undefined ? {} : { interval }) };
}

export const findMeasurement = (
  measurements: HardwareProfile['measurements'],
  name: string,
  threads: number,
): Measurement | undefined => measurements.find((one) => one.name === name && one.threads === threads);
