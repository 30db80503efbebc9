/** The four rates; a rate without its name means nothing. */
export const rateNames = ['logical', 'data', 'unique', 'wire'] as const;
export type RateName = (typeof rateNames)[number];

/** What an objective can speak of, and the base unit of each. */
export const objectiveMetrics = {
  'throughput.logical': 'bytesPerSecond',
  'throughput.data': 'bytesPerSecond',
  'throughput.unique': 'bytesPerSecond',
  'throughput.wire': 'bytesPerSecond',
  'cpuSecondsPerGb.client': 'secondsPerGb',
  'cpuSecondsPerGb.server': 'secondsPerGb',
  'chunkLatency.p50': 'ms',
  'chunkLatency.p95': 'ms',
  'chunkLatency.p99': 'ms',
  'chunkLatency.max': 'ms',
  duration: 'ms',
  peakBufferedBytes: 'bytes',
} as const;
export type ObjectiveMetric = keyof typeof objectiveMetrics;
export type ObjectiveUnit = (typeof objectiveMetrics)[ObjectiveMetric];

/** One side of an objective: `factor * label.metric`, or a quantity in the metric's base unit. */
export type ObjectiveTerm =
  | { readonly kind: 'metric'; readonly factor: number; readonly label: string; readonly metric: ObjectiveMetric }
  | { readonly kind: 'quantity'; readonly value: number; readonly unit: ObjectiveUnit };

export const comparators = ['>=', '<=', '>', '<'] as const;
export type Comparator = (typeof comparators)[number];

/** What is acceptable; holds when it holds in every case of the matrix. */
export interface Objective {
  /** As written. */
  readonly text: string;
  readonly left: ObjectiveTerm;
  readonly comparator: Comparator;
  readonly right: ObjectiveTerm;
}
