import { unavailable, type Metric } from '../model/metric.ts';
import type { LinkCalibration } from '../model/records.ts';

/** What was asked of a rate, bytes per second, and what was measured of it. */
export interface LinkRate {
  /** Absent where no limit was asked for. */
  readonly asked?: number;
  readonly achieved: Metric;
}

const NOT_CALIBRATED = unavailable('not calibrated');

/** The two rates of a link, each beside its own request: of all connections together, and of each of them. */
export function linkRates(
  asked: { readonly rateBytesPerSecond?: number; readonly connectionRateBytesPerSecond?: number },
  achieved: LinkCalibration | undefined,
): { readonly all: LinkRate; readonly connection: LinkRate } {
  const { rateBytesPerSecond: rate, connectionRateBytesPerSecond: connectionRate } = asked;
  const all = achieved?.rateBytesPerSecond ?? NOT_CALIBRATED;
  const connection =
    achieved === undefined ? NOT_CALIBRATED : (achieved.connectionRateBytesPerSecond ?? olderRecord(achieved, asked));
  return {
    all: { ...(rate === undefined ? {} : { asked: rate }), achieved: all },
    connection: {
      // A connection cannot have more than all of them together.
      ...(connectionRate === undefined ? {} : { asked: Math.min(connectionRate, rate ?? Infinity) }),
      achieved: connection,
    },
  };
}

/** Records without a figure of one connection used one for all where only that was limited. */
function olderRecord(
  { rateBytesPerSecond: measured }: LinkCalibration,
  asked: { readonly rateBytesPerSecond?: number; readonly connectionRateBytesPerSecond?: number },
): Metric {
  if (asked.connectionRateBytesPerSecond === undefined) return unavailable('no limit was asked for');
  return asked.rateBytesPerSecond === undefined ? measured : unavailable('not measured apart');
}
