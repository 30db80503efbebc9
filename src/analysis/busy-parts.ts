import type { TargetSettings } from '../model/environment.ts';
import type { Metric } from '../model/metric.ts';
import type { SpanTable, TrialCounters } from '../model/records.ts';
import { clientFigure } from './client-parts.ts';

/**
 * Time of a trial in which the target took bytes. `discard` does nothing but prove them, so that the proof's time is not
 * the target's; `throttled` proves them while it waits for its rate, and a file is proven after the clock has stopped.
 */
export function writingMs(counters: TrialCounters, target: TargetSettings): Metric {
  return clientFigure(counters, ({ writeBusyMs, proofCpuMs }) =>
    target.kind === 'discard' ? Math.max(0, writeBusyMs - proofCpuMs) : writeBusyMs,
  );
}

/** Connections that carried chunks, by the spans; without these all, of which some only logged in. At least 1. */
export function carryingConnections(counters: TrialCounters, spans: SpanTable | undefined): number {
  const carrying = new Set(spans?.connection.filter((connection) => connection !== null));
  const { link } = counters;
  return Math.max(1, carrying.size > 0 || 'unavailable' in link ? carrying.size : link.connections);
}
