/** A measured value, or the reason why there is none. Never 0 for unknown. */
export type Metric = { readonly value: number } | { readonly unavailable: string };

/** One row of a USE table: a resource on the path and its utilization, saturation and errors. */
export interface UseRow {
  /** E.g. `client cpu`, `link server to client`, `fetch slots`. */
  readonly resource: string;
  /** Share of the resource's capacity in use, 0..1. */
  readonly utilization: Metric;
  /** Work that waits; its unit is named in `saturationUnit`. */
  readonly saturation: Metric;
  readonly saturationUnit?: string;
  /** Count of errors. */
  readonly errors: Metric;
  /** How the three were measured, one clause. */
  readonly method?: string;
}

export const metric = (value: number): Metric => ({ value });
export const unavailable = (reason: string): Metric => ({ unavailable: reason });
export const metricValue = (candidate: Metric): number | undefined =>
  'value' in candidate ? candidate.value : undefined;

/** The sum of all, or the reason of the first that is unavailable. */
export function sumMetrics(metrics: readonly Metric[]): Metric {
  let sum = 0;
  for (const one of metrics) {
    if ('unavailable' in one) return one;
    sum += one.value;
  }
  return metric(sum);
}
