import { metric, unavailable, type Metric } from '../../model/metric.ts';
import type { SampleTable } from '../../model/records.ts';
import type { Span } from '../../stats/concurrency.ts';

type Reading = readonly [timeMs: number, value: number];

/** Sums of interpolated parts miss whole numbers by far less. */
const INTERPOLATION_ERROR = 1e-6;

/** How much a counter grew inside the windows, and the part of their time that its readings cover. */
export interface CounterGrowth {
  readonly amount: number;
  readonly elapsedMs: number;
}

/**
 * The samples of some stretches of time, e.g. of the measured trials of one strategy. A counter is interpolated between
 * the two readings round each end of a window, so that a trial is not charged with what came before or after it beyond
 * that; a window into which no sample fell is left out.
 */
export class SampledWindows {
  readonly columnNames: readonly string[];
  readonly #table: SampleTable;
  readonly #windows: readonly Span[];
  readonly #places: ReadonlyMap<string, number>;

  constructor(table: SampleTable, windows: readonly Span[]) {
    const times = table.rows.map(([time]) => time ?? Number.NaN);
    this.#table = table;
    this.#windows = windows.filter(({ start, end }) => times.some((time) => time >= start && time <= end));
    this.columnNames = table.columns.map(({ name }) => name);
    this.#places = new Map(this.columnNames.map((name, place) => [name, place]));
  }

  /** Why a column has no figure. */
  reason(column: string): Metric {
    // `connections.8007.busyMs` may be explained under `connections.8007` or `connections`.
    for (let name = column; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('.')))) {
      const reason = this.#table.unavailable[name];
      if (reason !== undefined) return unavailable(reason);
    }
    if (!this.#places.has(column)) return unavailable(`not sampled: no column ${column}`);
    return unavailable('not sampled: too few samples fell into the measured trials');
  }

  /** undefined when there are not two readings that cover a part of a window. */
  growth(column: string): CounterGrowth | undefined {
    const readings = this.#readings(column);
    let amount = 0;
    let elapsedMs = 0;
    for (const { start, end } of this.#windows) {
      const first = Math.max(start, readings[0]?.[0] ?? Number.POSITIVE_INFINITY);
      const last = Math.min(end, readings.at(-1)?.[0] ?? Number.NEGATIVE_INFINITY);
      if (!(last > first)) continue;
      // Counters of the kernel may step back a little (iowait does); that is no negative use.
      amount += Math.max(0, interpolate(readings, last) - interpolate(readings, first));
      elapsedMs += last - first;
    }
    return elapsedMs > 0 ? { amount, elapsedMs } : undefined;
  }

  /**
   * How many events a counter saw, whole: what interpolation leaves of one at the end of a window counts as one, so that
   * no error is rounded away.
   */
  count(column: string): Metric {
    const growth = this.growth(column);
    return growth === undefined
      ? this.reason(column)
      : metric(Math.max(0, Math.ceil(growth.amount - INTERPOLATION_ERROR)));
  }

  /** Growth per millisecond of time: a share of it where the counter counts milliseconds. */
  rate(column: string): Metric {
    const growth = this.growth(column);
    return growth === undefined ? this.reason(column) : metric(growth.amount / growth.elapsedMs);
  }

  /** Readings of a gauge inside the windows. */
  levels(column: string): readonly number[] {
    return this.#readings(column)
      .filter(([time]) => this.#windows.some(({ start, end }) => time >= start && time <= end))
      .map(([, value]) => value);
  }

  /**
   * Between every two samples inside a window, the largest growth per millisecond among some counters; the mean of that,
   * weighted with time.
   */
  meanOfLargestRate(columns: readonly string[]): Metric {
    const series = columns.map((column) => this.#readings(column));
    const [first] = series;
    if (first === undefined) return unavailable('not sampled: no such columns');
    let area = 0;
    let elapsedMs = 0;
    for (const { start, end } of this.#windows) {
      const inside = first.map(([time]) => time).filter((time) => time > start && time < end);
      const moments = [Math.max(start, first[0]?.[0] ?? start), ...inside, Math.min(end, first.at(-1)?.[0] ?? end)];
      for (const [index, to] of moments.entries()) {
        const from = moments[index - 1];
        if (from === undefined || !(to > from)) continue;
        area += Math.max(0, ...series.map((readings) => interpolate(readings, to) - interpolate(readings, from)));
        elapsedMs += to - from;
      }
    }
    return elapsedMs > 0 ? metric(area / elapsedMs) : this.reason(columns[0] ?? '');
  }

  #readings(column: string): readonly Reading[] {
    const place = this.#places.get(column);
    if (place === undefined) return [];
    return this.#table.rows.flatMap((row): readonly Reading[] => {
      const time = row[0] ?? null;
      const value = row[place] ?? null;
      return time === null || value === null ? [] : [[time, value]];
    });
  }
}

/** The value at a moment between the first and the last reading. */
function interpolate(readings: readonly Reading[], at: number): number {
  let low = 0;
  let high = readings.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((readings[middle]?.[0] ?? 0) <= at) low = middle;
    else high = middle;
  }
  const [startMs, start] = readings[low] ?? [at, 0];
  const [endMs, end] = readings[high] ?? [at, start];
  return endMs > startMs ? start + ((end - start) * (at - startMs)) / (endMs - startMs) : start;
}
