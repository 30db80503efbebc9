import {
  measureCeiling,
  measureConnectionRate,
  measureRate,
  measureRoundTrip,
  type LinkProcess,
} from '../link/calibrate.ts';
import type { CaseSettings, LinkSettings } from '../model/environment.ts';
import type { Metric } from '../model/metric.ts';
import type { Clock } from '../model/ports.ts';
import type { LinkCalibration } from '../model/records.ts';
import type { RunObserver } from './run-observer.ts';

interface Measuring {
  readonly relay: LinkProcess;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What the emulator can do at most, and what it really does with the settings of each case, in their order. */
export async function calibrateCases(
  cases: readonly Pick<CaseSettings, 'index' | 'link'>[],
  { observer, ...measuring }: Measuring & { readonly observer: RunObserver },
): Promise<{ readonly ceiling: Metric; readonly links: readonly LinkCalibration[] }> {
  observer.preparing('measuring the ceiling of the link emulator');
  const ceiling = await measureCeiling(measuring);
  const known = new Map<string, LinkCalibration>();
  const links: LinkCalibration[] = [];
  for (const { index, link } of cases) {
    const key = JSON.stringify(link);
    let achieved = known.get(key);
    if (achieved === undefined) {
      observer.preparing('measuring the emulated link');
      achieved = await calibrate(link, measuring);
      known.set(key, achieved);
    }
    observer.calibrated(index, link, achieved);
    links.push(achieved);
  }
  return { ceiling, links };
}

async function calibrate(link: LinkSettings, measuring: Measuring): Promise<LinkCalibration> {
  await measuring.relay.call('setLink', link);
  const roundTripMs = await measureRoundTrip({ ...measuring, roundTripMs: link.roundTripMs });
  const rateBytesPerSecond = await measureRate({ ...measuring, link });
  const connectionRateBytesPerSecond = await measureConnectionRate({ ...measuring, link });
  return { roundTripMs, rateBytesPerSecond, connectionRateBytesPerSecond };
}
