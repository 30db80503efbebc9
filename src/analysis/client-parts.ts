import { metric, type Metric } from '../model/metric.ts';
import type { ClientCounters, TrialCounters } from '../model/records.ts';

/** What the client's own parts counted; undefined where the client was a program of its own. */
export function clientPartsOf(counters: TrialCounters | undefined): ClientCounters | undefined {
  return counters === undefined || 'unavailable' in counters.clientParts ? undefined : counters.clientParts;
}

/** One figure of them; undefined where nothing was counted. */
export function clientFigure(counters: TrialCounters, figure: (parts: ClientCounters) => Metric | number): Metric;
export function clientFigure(
  counters: TrialCounters | undefined,
  figure: (parts: ClientCounters) => Metric | number,
): Metric | undefined;
export function clientFigure(
  counters: TrialCounters | undefined,
  figure: (parts: ClientCounters) => Metric | number,
): Metric | undefined {
  if (counters === undefined) return undefined;
  const { clientParts } = counters;
  if ('unavailable' in clientParts) return clientParts;
  const value = figure(clientParts);
  return typeof value === 'number' ? metric(value) : value;
}
