/**
 * The `share` quantile (0..1) of values in any order, by linear interpolation between the two nearest (type 7 of Hyndman
 * and Fan, what R, NumPy and spreadsheets do). Undefined without values.
 */
export function quantile(values: readonly number[], share: number): number | undefined {
  return quantileOfSorted(
    values.toSorted((a, b) => a - b),
    share,
  );
}

/** {@link quantile} of values that are sorted already, ascending. */
export function quantileOfSorted(sorted: readonly number[], share: number): number | undefined {
  const position = (sorted.length - 1) * Math.min(Math.max(share, 0), 1);
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) return undefined;
  return below + (above - below) * (position - Math.floor(position));
}

/** Undefined without values. */
export function median(values: readonly number[]): number | undefined {
  return quantile(values, 0.5);
}
