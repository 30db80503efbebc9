/** Arithmetic mean; undefined without values. */
export function mean(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Geometric mean, the right centre for rates and ratios; undefined without values or where one is not above 0. */
export function geometricMean(values: readonly number[]): number | undefined {
  if (!values.every((value) => value > 0)) return undefined;
  const meanOfLogs = mean(values.map(Math.log));
  return meanOfLogs === undefined ? undefined : Math.exp(meanOfLogs);
}

/** Standard deviation of a sample (n - 1); undefined for fewer than two values. */
export function sampleDeviation(values: readonly number[]): number | undefined {
  const centre = mean(values);
  if (centre === undefined || values.length < 2) return undefined;
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}
