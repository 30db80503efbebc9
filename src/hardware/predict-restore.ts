import { metric, unavailable, type Metric } from '../model/metric.ts';
import { DEFAULT_CHUNK_SIZE, GB } from '../model/units.ts';
import type { PrimitiveName } from './primitive-names.ts';
import type { HardwareProfile, Measurement } from './profile.ts';
import { measuredRatios } from './shared-material.ts';
import { findMeasurement, summariseMeasurement } from './summarise-measurement.ts';

/** What is restored, and to where. */
export interface RestoreShape {
  /** Plain bytes per stored byte; at 1 chunks are stored uncompressed. */
  readonly compressionRatio: number;
  readonly target: 'discard' | 'file';
}

/** CPU seconds for each plain byte of a data chunk, by the part of the client that spends them. */
export interface RestoreCosts {
  /** TLS straight into the chunk's memory, HTTP/2 frames, and its share of the messages. */
  readonly mainThread: number;
  /** Decompression and SHA-256, and their share of the messages. */
  readonly decoding: number;
  /** 0 for `discard`. */
  readonly writing: number;
}

/** For each chunk: handed to a decode thread and reported back, told to write and reported back. */
const ROUND_TRIPS_PER_CHUNK = 2;

/** What has to be measured for the prediction of such a restore. */
export function primitivesOfRestore({ compressionRatio, target }: RestoreShape): ReadonlySet<PrimitiveName> {
  return new Set<PrimitiveName>([
    'tls-receive-placed',
    'http2-framing',
    'sha-256',
    'thread-round-trip',
    ...(compressionRatio > 1 ? measuredRatios.map((ratio) => `zstd-decompress-${ratio}` as const) : []),
    ...(target === 'file' ? (['file-write'] as const) : []),
  ]);
}

class NotMeasured extends Error {}

/**
 * What a restore costs the client, from the primitives alone.
 * @param busyThreads threads of this machine that work at the same time; costs between those on one thread and on all
 * cores are interpolated
 * @throws Error where the profile lacks a primitive
 */
export function restoreCosts(profile: HardwareProfile, shape: RestoreShape, busyThreads: number): RestoreCosts {
  const cost = (name: PrimitiveName): number => secondsPerUnit(profile, name, busyThreads);
  const storedShare = 1 / Math.max(1, shape.compressionRatio);
  // Both ends of a round trip are in the measured process; one is the main thread, one the decode thread.
  const messages = (ROUND_TRIPS_PER_CHUNK * cost('thread-round-trip')) / DEFAULT_CHUNK_SIZE / 2;
  return {
    mainThread: storedShare * (cost('tls-receive-placed') + cost('http2-framing')) + messages,
    decoding: cost('sha-256') + decompressionCost(storedShare, cost) + messages,
    writing: shape.target === 'file' ? cost('file-write') : 0,
  };
}

/** Linear in the stored share between the ratios that were measured; nothing for chunks that are stored as they are. */
function decompressionCost(storedShare: number, cost: (name: PrimitiveName) => number): number {
  if (storedShare >= 1) return 0;
  const points = measuredRatios.map((ratio) => ({
    share: 1 / ratio,
    seconds: cost(`zstd-decompress-${ratio}` as const),
  }));
  for (const [index, above] of points.entries()) {
    const below = points[index + 1];
    if (below === undefined) return above.seconds;
    if (storedShare < below.share) continue;
    const position = (storedShare - below.share) / (above.share - below.share);
    return below.seconds + position * (above.seconds - below.seconds);
  }
  return 0;
}

/**
 * CPU seconds that the client needs for 10^9 bytes of data chunks, all its threads together; what the harness adds to
 * prove the bytes is not in it. Unavailable where the profile lacks a primitive.
 * @param options.busyThreads by default all cores, as where the server runs on the same machine
 */
export function predictClientCpuSecondsPerGb(
  profile: HardwareProfile,
  { busyThreads = profile.host.cores, ...shape }: RestoreShape & { readonly busyThreads?: number },
): Metric {
  try {
    return metric(total(restoreCosts(profile, shape, busyThreads)) * GB);
  } catch (error) {
    if (error instanceof NotMeasured) return unavailable(error.message);
    throw error;
  }
}

export const restoreLimits = ['main thread', 'decode threads', 'cores', 'writer', 'server'] as const;
export type RestoreLimit = (typeof restoreLimits)[number];

export interface RestorePrediction {
  /** Data bytes per second; unavailable where the profile lacks a primitive, or the server has no cores of its own. */
  readonly bytesPerSecond: Metric;
  /** The lowest of the bounds; absent without a rate. */
  readonly limit?: RestoreLimit;
  /** What each part alone would allow, bytes per second. */
  readonly bounds: Partial<Readonly<Record<RestoreLimit, number>>>;
  readonly cpuSecondsPerGb: Metric;
}

export interface PredictionOptions extends RestoreShape {
  /** 0 decodes on the main thread. */
  readonly decodeThreads: number;
  /** `here`: an embedded server on the same machine. */
  readonly server: 'elsewhere' | 'here';
}

/** An embedded server and the link emulator keep a core busy each. */
const CORES_OF_THE_OTHER_END = 2;

/**
 * What the primitives allow a restore with enough requests in flight to reach, and which part is the limit. A bound, not
 * a promise: network and the server's disk can only lower it.
 */
export function predictRestore(profile: HardwareProfile, options: PredictionOptions): RestorePrediction {
  const { decodeThreads, server, target } = options;
  const { cores } = profile.host;
  const clientThreads = Math.min(cores, decodeThreads + 1);
  try {
    const costs = restoreCosts(profile, options, clientThreads);
    const cpuSecondsPerGb = metric(total(costs) * GB);
    const needed = clientThreads + CORES_OF_THE_OTHER_END;
    if (server === 'here' && cores < needed) {
      const reason = `the server shares the ${cores} cores of this machine, where it and a client with ${decodeThreads} decode threads need ${needed}`;
      return { bytesPerSecond: unavailable(reason), bounds: {}, cpuSecondsPerGb };
    }
    const offMain = costs.decoding + costs.writing;
    const bounds: Partial<Record<RestoreLimit, number>> = {
      'main thread': 1 / (decodeThreads === 0 ? total(costs) : costs.mainThread),
      ...(decodeThreads === 0 ? {} : { 'decode threads': decodeThreads / offMain }),
      cores: cores / total(costs),
      ...(target === 'file' ? { writer: rate(profile, 'file-write') } : {}),
      ...(server === 'here'
        ? { server: Math.max(1, options.compressionRatio) / secondsPerUnit(profile, 'tls-send', clientThreads) }
        : {}),
    };
    const limit = restoreLimits.reduce((lowest, name) =>
      (bounds[name] ?? Infinity) < (bounds[lowest] ?? Infinity) ? name : lowest,
    );
    return { bytesPerSecond: metric(bounds[limit] ?? Number.NaN), limit, bounds, cpuSecondsPerGb };
  } catch (error) {
    if (!(error instanceof NotMeasured)) throw error;
    return { bytesPerSecond: unavailable(error.message), bounds: {}, cpuSecondsPerGb: unavailable(error.message) };
  }
}

/** 1, 2, 4 ... decode threads, up to twice the cores. */
export function sensibleDecodeThreads(cores: number): readonly number[] {
  const counts: number[] = [];
  for (let threads = 1; threads <= 2 * cores; threads *= 2) counts.push(threads);
  return counts;
}

const total = ({ mainThread, decoding, writing }: RestoreCosts): number => mainThread + decoding + writing;

/** CPU seconds per byte or operation. */
function secondsPerUnit(
  { measurements, host, method }: HardwareProfile,
  name: PrimitiveName,
  busyThreads: number,
): number {
  const most = Math.max(...method.threads);
  const alone = costOf(findMeasurement(measurements, name, 1), name);
  if (most === 1) return alone;
  const crowded = costOf(findMeasurement(measurements, name, most), name);
  const position = Math.min(1, Math.max(0, (Math.min(busyThreads, host.cores) - 1) / (most - 1)));
  return alone + position * (crowded - alone);
}

function costOf(measurement: Measurement | undefined, name: PrimitiveName): number {
  const summary = measurement === undefined ? undefined : summariseMeasurement(measurement);
  if (summary?.perCpuSecond !== undefined) return 1 / summary.perCpuSecond.median;
  const reason = measurement !== undefined && 'unavailable' in measurement ? `: ${measurement.unavailable}` : '';
  throw new NotMeasured(`not sampled: the profile has no CPU time of ${name}${reason}`);
}

function rate({ measurements }: HardwareProfile, name: PrimitiveName): number {
  const measurement = findMeasurement(measurements, name, 1);
  const summary = measurement === undefined ? undefined : summariseMeasurement(measurement);
  if (summary === undefined) throw new NotMeasured(`not sampled: the profile has no rate of ${name}`);
  return summary.perSecond.median;
}
