import type { SpanTable, TrialCounters } from '../model/records.ts';

/** Connections that carried chunks, by the spans; without these all, of which some only logged in. At least 1. */
export function carryingConnections(counters: TrialCounters, spans: SpanTable | undefined): number {
  const carrying = new Set(spans?.connection.filter((connection) => connection !== null));
  const { link } = counters;
  return Math.max(1, carrying.size > 0 || 'unavailable' in link ? carrying.size : link.connections);
}
