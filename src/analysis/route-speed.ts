import { unavailable, type Metric } from '../model/metric.ts';
import type { CaseRecord } from '../model/records.ts';

/** Bytes per second that this end of the way to a real server can take; unknown where the scenario lets it take less. */
export function routeSpeed({ settings: { server }, server: facts }: Pick<CaseRecord, 'settings' | 'server'>): Metric {
  if (server.kind === 'pbs' && server.maxRateBytesPerSecond !== undefined)
    return unavailable('not measured: the scenario limits the rate (server.maxRate)');
  return facts?.route.speedBytesPerSecond ?? unavailable('unknown: the route was not looked up');
}
