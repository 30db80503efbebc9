import { mean } from '../stats/mean.ts';
import { median, quantile } from '../stats/quantile.ts';
import { estimateFrom, estimateRate, lowerSpread, undisturbed, type Estimate } from './estimate.ts';
import { wireRate, type ChunkRead, type ChunkReads } from './read-chunks.ts';

/** Faster over several connections by more than this: one of them has a limit of its own. */
const CONNECTION_LIMIT_RATIO = 1.15;

/** A window that reaches less than this of what link and latency allow is held back by the server. */
const HELD_BACK = 0.85;

/** Of a chunk's time: less that nobody can account for is noise. */
const UNEXPLAINED_SHARE = 0.1;

/** Of the sum of two uniform delays within -j..j (a triangle on -2j..2j). */
const LOWER_SPREAD_OF_JITTER = 0.782;

/** Less jitter than this share of the round trip, or than a machine makes by itself, is left out. */
const JITTER_SHARE = 0.05;
const JITTER_MS = 0.3;

/** Answers with chunks that scatter no more than so many times as much as those without come from steady disks. */
const STEADY_RATIO = 2;
const STEADY_MS = 1.5;

/** What was measured of a server from here. */
export interface Measurements {
  /** Of PINGs. */
  readonly roundTripsMs: readonly number[];
  /** From requests for test data, which the server has in memory, to the heads of their answers: one before each chunk. */
  readonly answersMs: readonly number[];
  readonly oneConnection: Estimate;
  /** Absent where only one was opened. */
  readonly manyConnections?: Estimate;
  /** One chunk at a time, in random order. */
  readonly alone: ChunkReads;
  /** `inFlight` at a time. */
  readonly window: ChunkReads;
  readonly inFlight: number;
}

/** What would reproduce it in the lab. */
export interface ServerEstimates {
  readonly roundTripMs: Estimate;
  /** Undefined where there is hardly any. */
  readonly jitterMs?: number;
  /** Of all connections together. */
  readonly rate: Estimate;
  /** Undefined where one connection has all of it. */
  readonly connectionRate?: Estimate;
  /** How much later the head of a chunk's answer comes than that of what the server has in memory. */
  readonly firstByteMs: Estimate;
  /** Whether chunks take about the same time each: then `firstByteMs` is that of the least disturbed, otherwise the mean. */
  readonly isSteady: boolean;
  readonly readLatencyMs: Estimate;
  /** Time of a chunk alone beyond round trip, first byte and rate that was added to `readLatencyMs`. */
  readonly unexplainedMs?: number;
  /** Undefined where the window reaches what link and latency allow. */
  readonly bandwidth?: Estimate;
  /** Bytes per second that crossed the line. */
  readonly sequentialRate: Estimate;
  readonly windowRate: Estimate;
  /** Plain bytes for each stored one. */
  readonly compressionRatio: number;
}

/** Splits what was measured into round trip, rate and the server's own time; undefined when no chunk was read. */
export function estimateServer(measured: Measurements): ServerEstimates | undefined {
  const { roundTripsMs, answersMs, oneConnection, manyConnections, alone, window, inFlight } = measured;
  const chunksMs = alone.reads.map(({ firstByteMs }) => firstByteMs);
  const bytes = mean(alone.reads.map(({ encodedBytes }) => encodedBytes));
  const receiveMs = undisturbed(alone.reads.map((read) => (read.receiveMs * (bytes ?? 0)) / read.encodedBytes));
  if (roundTripsMs.length === 0 || answersMs.length === 0 || bytes === undefined || receiveMs === undefined)
    return undefined;
  const jitterMs = jitterOf(roundTripsMs);
  // Where the line itself varies, the middle is what it takes.
  const middle = jitterMs === undefined ? undisturbed : median;
  const roundTripMs = estimateFrom([roundTripsMs], ([times = []]) => middle(times) ?? 0);
  const isSteady = lowerSpread(chunksMs) <= STEADY_RATIO * lowerSpread(answersMs) + STEADY_MS;
  const centre = isSteady ? undisturbed : mean;
  const firstByteMs = estimateFrom([chunksMs, answersMs], ([chunks = [], answers = []]) =>
    Math.max(0, (centre(chunks) ?? 0) - (centre(answers) ?? 0)),
  );
  const isLimited =
    manyConnections !== undefined && manyConnections.value > CONNECTION_LIMIT_RATIO * oneConnection.value;
  const lateMs = receiveMs - (bytes * 1000) / oneConnection.value;
  const chunkMs = alone.durationMs / alone.reads.length;
  const unexplainedMs = lateMs > UNEXPLAINED_SHARE * chunkMs ? lateMs : undefined;
  const allowed = Math.min(oneConnection.value, (inFlight * bytes * 1000) / chunkMs);
  const inWindow = ofWindow(window);
  // A server that holds back does so all the time, a busy machine now and then.
  const fastest = window.transfer.fastestRate() ?? inWindow.value;
  const bandwidth = fastest < HELD_BACK * allowed ? inWindow : undefined;
  // What the emulated disk takes for the bytes of a chunk comes on top of its latency.
  const inBandwidthMs = bandwidth === undefined ? 0 : (bytes * 1000) / bandwidth.value;
  return {
    roundTripMs,
    ...(jitterMs === undefined ? {} : { jitterMs }),
    rate: isLimited ? manyConnections : oneConnection,
    ...(isLimited ? { connectionRate: oneConnection } : {}),
    firstByteMs,
    isSteady,
    readLatencyMs: shifted(firstByteMs, (unexplainedMs ?? 0) - inBandwidthMs),
    ...(unexplainedMs === undefined ? {} : { unexplainedMs }),
    ...(bandwidth === undefined ? {} : { bandwidth }),
    sequentialRate: estimateRate(wireRate(alone), partRates(alone)),
    windowRate: inWindow,
    compressionRatio: compressionRatio([...alone.reads, ...window.reads]),
  };
}

/** The delay of each direction varies by this much either way; from below, since a busy machine is late and never early. */
function jitterOf(roundTripsMs: readonly number[]): number | undefined {
  const jitterMs = lowerSpread(roundTripsMs) / LOWER_SPREAD_OF_JITTER;
  const leastMs = Math.max(JITTER_MS, JITTER_SHARE * (quantile(roundTripsMs, 0.5) ?? 0));
  return jitterMs > leastMs ? jitterMs : undefined;
}

function shifted({ value, interval, samples }: Estimate, byMs: number): Estimate {
  const move = (ms: number): number => Math.max(0, ms + byMs);
  return {
    value: move(value),
    samples,
    ...(interval === undefined ? {} : { interval: [move(interval[0]), move(interval[1])] }),
  };
}

/** Start and end are part of a restore; how steady it was is told by what lies between them. */
function ofWindow(window: ChunkReads): Estimate {
  const value = wireRate(window);
  const steady = window.transfer.steadyRate();
  if (steady?.interval === undefined) return estimateRate(value, []);
  const [low, high] = steady.interval;
  return { value, samples: steady.samples, interval: [Math.min(low, value), Math.max(high, value)] };
}

const PARTS = 4;

/** Rates of equal parts of the chunks, in the order in which they came. */
function partRates({ reads, durationMs }: ChunkReads): readonly number[] {
  if (reads.length < 2 * PARTS) return [];
  const weights = reads.map(({ firstByteMs, receiveMs }) => firstByteMs + receiveMs);
  const allMs = weights.reduce((sum, ms) => sum + ms, 0);
  return Array.from({ length: PARTS }, (_, part) => {
    const from = Math.floor((part * reads.length) / PARTS);
    const until = Math.floor(((part + 1) * reads.length) / PARTS);
    const bytes = reads.slice(from, until).reduce((sum, { encodedBytes }) => sum + encodedBytes, 0);
    const ms = weights.slice(from, until).reduce((sum, one) => sum + one, 0);
    return (bytes * 1000) / ((ms / allMs) * durationMs);
  });
}

function compressionRatio(reads: readonly ChunkRead[]): number {
  const plain = reads.reduce((sum, { slot }) => sum + slot.length, 0);
  const stored = reads.reduce((sum, { encodedBytes }) => sum + encodedBytes, 0);
  return Math.max(1, plain / stored);
}
