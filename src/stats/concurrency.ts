/** Half open: something is there from `start` until just before `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Concurrency {
  /** Time-weighted mean of the number of open spans. */
  readonly mean: number;
  readonly peak: number;
}

/**
 * How many spans were open at once over the window, by a sweep over their ends. Spans are cut to the window; a span that
 * ends where another starts does not overlap it. Undefined for a window without length.
 */
export function concurrency(spans: readonly Span[], window: Span): Concurrency | undefined {
  const length = window.end - window.start;
  if (!(length > 0)) return undefined;
  const steps: { readonly at: number; readonly change: 1 | -1 }[] = [];
  for (const span of spans) {
    const start = Math.max(span.start, window.start);
    const end = Math.min(span.end, window.end);
    if (end > start) steps.push({ at: start, change: 1 }, { at: end, change: -1 });
  }
  steps.sort((a, b) => a.at - b.at || a.change - b.change);
  let open = 0;
  let peak = 0;
  let area = 0;
  let previous = window.start;
  for (const { at, change } of steps) {
    area += open * (at - previous);
    previous = at;
    open += change;
    peak = Math.max(peak, open);
  }
  return { mean: area / length, peak };
}
