import type { CaseRecord, RecordedWarning, RunRecord } from '../model/records.ts';
import { formatBytes, formatDuration, formatRate, formatShare } from '../model/units.ts';
import { linkRates, type LinkRate } from './link-rates.ts';

/** Below 1 % the difference between two rates cannot be seen in a report. */
const INFLATION_SHOWN = 0.01;
/** A link that was asked for and one that was measured may differ by this much: timers tick at about a millisecond. */
const LINK_TOLERANCE = 0.05;
const ROUND_TRIP_TOLERANCE_MS = 0.3;
/** Of the measured round trip: more than this beyond the jitter that was asked for is the machine's own. */
const JITTER_TOLERANCE = 0.2;
const JITTER_TOLERANCE_MS = 1;

/** What the image and the link of a case do to its figures, whatever the strategy. */
export function caseWarnings(run: RunRecord, record: CaseRecord): readonly RecordedWarning[] {
  return [...imageWarnings(record), ...(run.mode === 'real' ? realWarnings(record) : linkWarnings(record))];
}

function imageWarnings({ image }: CaseRecord): readonly RecordedWarning[] {
  if (image === undefined) return [];
  const warnings: RecordedWarning[] = [];
  const { sizeBytes, dataBytes, uniqueBytes, storedBytes = 0 } = image;
  if (dataBytes > 0 && sizeBytes / dataBytes > 1 + INFLATION_SHOWN) {
    warnings.push({
      code: 'zeros-inflate-logical-rate',
      sentence: `${formatShare((sizeBytes - dataBytes) / sizeBytes)} of the image are zero chunks, which are never fetched: the logical rate is ${(sizeBytes / dataBytes).toFixed(2)} times the data rate. Compare data rates.`,
    });
  }
  if (uniqueBytes > 0 && dataBytes / uniqueBytes > 1 + INFLATION_SHOWN) {
    warnings.push({
      code: 'repeats-inflate-data-rate',
      sentence: `${formatShare((dataBytes - uniqueBytes) / dataBytes)} of the data are repeats of chunks that stand earlier in the image: logical and data rate count them each time, the unique rate once. Caches may have served them.`,
    });
  }
  if (storedBytes > 0 && uniqueBytes / storedBytes > 1 + INFLATION_SHOWN) {
    warnings.push({
      code: 'compression-inflates-data-rate',
      sentence: `The stored chunks are ${(uniqueBytes / storedBytes).toFixed(2)} times smaller than their content: the data rate may exceed the rate of the link. Compare the wire rate with the link.`,
    });
  }
  return warnings;
}

/** What bounds the figures of a real server beside the server. */
function realWarnings({ settings: { server }, image }: CaseRecord): readonly RecordedWarning[] {
  if (server.kind !== 'pbs') return [];
  const warnings: RecordedWarning[] = [];
  if (image?.sampleOf !== undefined) {
    const { sizeBytes, sampling } = image.sampleOf;
    warnings.push({
      code: 'sample',
      sentence: `${formatBytes(image.sizeBytes)} of the ${formatBytes(sizeBytes)} of the image were restored (${sampling === 'spread' ? 'runs of chunks spread over all of it' : 'one piece of it'}): figures are those of the sample.`,
    });
  }
  if (server.maxRateBytesPerSecond !== undefined) {
    warnings.push({
      code: 'rate-limited',
      sentence: `The server was asked for ${formatRate(server.maxRateBytesPerSecond)} at most (server.maxRate): nothing can be said of what it, or the link, could do beyond that.`,
    });
  }
  return warnings;
}

function linkWarnings({ settings, link: achieved }: CaseRecord): readonly RecordedWarning[] {
  const {
    roundTripMs,
    jitterMs,
    rateBytesPerSecond: rate,
    connectionRateBytesPerSecond: connectionRate,
  } = settings.link;
  const warnings: RecordedWarning[] = [];
  if (roundTripMs > 0 || rate !== undefined || connectionRate !== undefined) {
    warnings.push({
      code: 'userland-relay',
      sentence:
        'The link is emulated by a relay that ends TCP on both sides: it reproduces delay and rate, but not TCP slow start, loss, window limits or retransmission. A real line with loss is slower than this.',
    });
  }
  if (achieved === undefined) return warnings;
  const { median, p95 } = achieved.roundTripMs;
  const difference = Math.abs(median - roundTripMs);
  if (difference > Math.max(LINK_TOLERANCE * roundTripMs, ROUND_TRIP_TOLERANCE_MS)) {
    warnings.push({
      code: 'round-trip-differs',
      sentence: `The round trip was measured as ${formatDuration(median)} where ${formatDuration(roundTripMs)} was asked for. Read the results as those of the measured one.`,
    });
  }
  if (p95 - median > jitterMs + Math.max(JITTER_TOLERANCE * median, JITTER_TOLERANCE_MS)) {
    warnings.push({
      code: 'round-trip-jitter',
      sentence: `5 % of the round trips took ${formatDuration(p95)} or more, the median ${formatDuration(median)}, with a jitter of ${formatDuration(jitterMs)} asked for: this machine is busy or its timers are coarse.`,
    });
  }
  const { all, connection } = linkRates(settings.link, achieved);
  return [...warnings, ...rateWarning('The link', all), ...rateWarning('One connection of the link', connection)];
}

function rateWarning(what: string, { asked, achieved }: LinkRate): readonly RecordedWarning[] {
  if (asked === undefined || !('value' in achieved)) return [];
  if (Math.abs(achieved.value / asked - 1) <= LINK_TOLERANCE) return [];
  return [
    {
      code: 'link-rate-differs',
      sentence: `${what} was measured to pass ${formatRate(achieved.value)} where ${formatRate(asked)} was asked for. Read the results as those of the measured one.`,
    },
  ];
}
