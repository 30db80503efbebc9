import { formatBytes, formatDuration, formatRate, formatShare, MB, MiB } from '../model/units.ts';
import type { AgeClass } from './age-classes.ts';
import type { Estimate } from './estimate.ts';
import type { ServerEstimates } from './estimate-server.ts';
import type { ImageStatistics } from './image-statistics.ts';

/** Something that a server or machine tells of itself, or why it does not. */
export interface Fact {
  readonly name: string;
  readonly text: string;
}

/** Everything that a captured scenario says. */
export interface Captured {
  /** As users write it: `root@pam@pbs.example:8007:tank`. */
  readonly repository: string;
  readonly namespace?: string;
  readonly snapshot: string;
  readonly archive: string;
  /** ISO 8601, UTC. */
  readonly capturedAt: string;
  readonly tool: { readonly name: string; readonly version: string };
  readonly estimates: ServerEstimates;
  readonly inFlight: number;
  readonly connections: number;
  readonly image: ImageStatistics;
  readonly history: { readonly backups: number; readonly changeRate?: number };
  readonly ages: readonly AgeClass[];
  /** Why nothing is known of ages, if nothing is. */
  readonly agesUnavailable?: string;
  readonly transferredBytes: number;
  readonly durationMs: number;
  readonly facts: readonly Fact[];
}

/** What the lab's image has at most: rates do not depend on its size, but making it takes time and disk. */
const LARGEST_IMAGE: number = 1024 * MiB;
/** Enough chunks for a window of 16 to be full most of the time. */
const SMALLEST_IMAGE: number = 160 * MiB;

/** How near a lab comes to what it stands for. */
const TOLERANCE = 0.15;

/** The scenario file that makes the lab behave like the server; every value with its measurement above it. */
export function captureScenario(captured: Captured): string {
  const { repository, namespace, snapshot, archive, capturedAt, tool, estimates, image, history } = captured;
  const place = `${repository}${namespace === undefined || namespace === '' ? '' : `, namespace ${namespace}`}`;
  const sizeBytes = Math.min(LARGEST_IMAGE, Math.max(SMALLEST_IMAGE, image.sizeBytes));
  return [
    ...comment(`Captured from ${place}, ${snapshot} ${archive}`, ''),
    ...comment(
      `${capturedAt} by ${tool.name} ${tool.version}: ${formatBytes(captured.transferredBytes)} in ${formatDuration(captured.durationMs)}, at most ${captured.inFlight} requests in flight.`,
      '',
    ),
    ...comment('Above each value is what was measured, in brackets its 95 % interval.', ''),
    ...captured.facts.flatMap(({ name, text }) => comment(`${name}: ${text}`, '')),
    'formatVersion: 1',
    `name: ${scenarioName(snapshot)}`,
    `description: ${JSON.stringify(`What ${place} looked like from here: ${formatDuration(estimates.roundTripMs.value)} away, ${formatRate(estimates.rate.value)}, the first byte of a chunk ${formatDuration(estimates.firstByteMs.value)} after that of what is in memory.`)}`,
    `source: ${JSON.stringify(`${tool.name} capture, ${capturedAt}`)}`,
    '',
    'server: { kind: embedded }',
    ...linkLines(captured),
    ...storageLines(captured),
    ...imageLines(image, estimates, sizeBytes),
    ...historyLines(history),
    'target: { kind: discard }',
    'strategies:',
    '  - { name: sequential }',
    `  - { name: window-unordered, inFlight: ${captured.inFlight} }`,
    'trials: { repeats: 3, warmUp: 1, order: interleaved }',
    ...objectiveLines(captured),
    '',
  ].join('\n');
}

function linkLines({ estimates, connections, inFlight }: Captured): readonly string[] {
  const { roundTripMs, jitterMs, rate, connectionRate } = estimates;
  return [
    'link:',
    ...comment(
      `${withInterval(roundTripMs, fineDuration)}: ${roundTripMs.samples} PINGs of HTTP/2, ${jitterMs === undefined ? 'the fifth that was disturbed least' : 'median'}`,
    ),
    `  roundTrip: ${duration(roundTripMs.value)}`,
    ...(jitterMs === undefined
      ? comment('jitter: less than a busy machine makes by itself')
      : [
          ...comment('from how far apart the fastest of them are, as if it were uniform'),
          `  jitter: ${Math.min(Number(jitterMs.toFixed(2)), Math.floor(roundTripMs.value * 45) / 100)} ms`,
        ]),
    ...comment(
      `${withInterval(rate, formatRate)}: /speedtest, ${inFlight} requests at a time over ${connectionRate === undefined ? 'one connection' : `${connections} connections`}`,
    ),
    `  rate: ${megabits(rate.value)}`,
    ...(connectionRate === undefined
      ? comment('connectionRate: several connections together were not faster than one')
      : [
          ...comment(`${withInterval(connectionRate, formatRate)}: the same over one connection`),
          `  connectionRate: ${megabits(connectionRate.value)}`,
        ]),
  ];
}

function storageLines({ estimates, inFlight, ages, agesUnavailable }: Captured): readonly string[] {
  const { readLatencyMs, firstByteMs, unexplainedMs, bandwidth, windowRate } = estimates;
  const ageText =
    ages.length === 0
      ? `first byte by age of the chunk: unavailable: ${agesUnavailable ?? 'too few chunks of each age'}`
      : `first byte by age of the chunk: ${ages.map(({ name, firstByteMs: of }) => `${name} ${withInterval(of, fineDuration)}`).join('; ')}`;
  return [
    'storage:',
    ...comment(
      `${withInterval(firstByteMs, fineDuration)}: how much later the first byte of a chunk comes than that of test data in the server's memory; ${firstByteMs.samples} chunks one at a time in random order, ${estimates.isSteady ? 'the fifth that was disturbed least' : 'mean, since they scatter'}`,
    ),
    ...comment(ageText),
    ...(unexplainedMs === undefined
      ? []
      : comment(
          `${formatDuration(unexplainedMs)} are added to it: a chunk alone takes so much longer than at the rate of the link (a TCP window that grows anew after each pause, as a rule), which the lab's link does not do`,
        )),
    ...(bandwidth === undefined || firstByteMs.value === readLatencyMs.value
      ? []
      : comment('the time that the bandwidth below takes for a chunk is taken off')),
    `  readLatency: ${duration(readLatencyMs.value)}`,
    ...(bandwidth === undefined
      ? comment(
          `bandwidth and queueDepth: no limit was seen; ${inFlight} chunks at a time came at ${withInterval(windowRate, formatRate)}, which link and latency account for`,
        )
      : [
          ...comment(
            `${withInterval(bandwidth, formatRate)}: ${inFlight} chunks at a time came no faster, though link and latency allow more: the server's disks or cores, or the cores of this end`,
          ),
          `  bandwidth: ${megabytes(bandwidth.value)}`,
        ]),
  ];
}

function imageLines(image: ImageStatistics, estimates: ServerEstimates, sizeBytes: number): readonly string[] {
  return [
    'image:',
    ...comment(
      `${formatBytes(image.sizeBytes)} in ${image.chunkCount} chunks; the lab's is ${sizeBytes === image.sizeBytes ? 'as large' : sizeBytes < image.sizeBytes ? 'smaller, which changes no rate' : 'larger, so that a window can fill'}`,
    ),
    `  size: ${Math.round(sizeBytes / MiB)} MiB`,
    ...comment('from the index'),
    `  zeroShare: ${percent(image.zeroShare)}`,
    `  repeatedShare: ${percent(image.repeatedShare)}`,
    ...comment('plain over stored bytes of the chunks that were read'),
    `  compressionRatio: ${Number(Math.min(1000, estimates.compressionRatio).toFixed(2))}`,
  ];
}

function historyLines({ backups, changeRate }: Captured['history']): readonly string[] {
  if (changeRate === undefined) return [];
  return [
    'history:',
    ...comment(
      `${backups} backups of this image were compared; ${formatShare(changeRate)} of the chunks changed, median`,
    ),
    `  depth: ${backups}`,
    `  changeRate: ${percent(changeRate)}`,
  ];
}

function objectiveLines({ estimates, inFlight }: Captured): readonly string[] {
  const { sequentialRate, windowRate } = estimates;
  const within = (label: string, { value }: Estimate): readonly string[] => [
    `  - ${label}.throughput.wire >= ${megabytes(value * (1 - TOLERANCE))}`,
    `  - ${label}.throughput.wire <= ${megabytes(value * (1 + TOLERANCE))}`,
  ];
  return [
    ...comment(
      `What makes it a likeness: the same wire rates within ${formatShare(TOLERANCE)}. Measured: ${withInterval(sequentialRate, formatRate)} one chunk at a time, ${withInterval(windowRate, formatRate)} with ${inFlight}.`,
      '',
    ),
    'objectives:',
    ...within('sequential', sequentialRate),
    ...within('window-unordered', windowRate),
  ];
}

/** Text of a server goes into comments too: it must not end one. */
function comment(text: string, indent: string = '  '): readonly string[] {
  const words = text.replaceAll(/[\s\p{Cc}]+/gu, ' ').split(' ');
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < COMMENT_COLUMNS) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${indent}# ${word}`);
  }
  return lines;
}

const COMMENT_COLUMNS = 112;

/** `25.1 ms [24.9 ms, 25.3 ms]` */
export function withInterval({ value, interval }: Estimate, format: (value: number) => string): string {
  return interval === undefined ? format(value) : `${format(value)} [${format(interval[0])}, ${format(interval[1])}]`;
}

/** Where whole milliseconds would hide the interval: `25.1 ms`. */
export const fineDuration = (ms: number): string =>
  ms < 1000 ? `${Number(ms.toPrecision(3))} ms` : formatDuration(ms);

function scenarioName(snapshot: string): string {
  const [type = '', id = ''] = snapshot.split('/');
  return `captured-${type}-${id}`.replaceAll(/[^A-Za-z0-9._-]/gu, '-').slice(0, 64);
}

const duration = (ms: number): string => `${Number(ms.toFixed(ms < 10 ? 2 : 1))} ms`;
const megabits = (bytesPerSecond: number): string => `${significant((bytesPerSecond * 8) / MB)} Mbit/s`;
const megabytes = (bytesPerSecond: number): string => `${significant(bytesPerSecond / MB)} MB/s`;
const percent = (share: number): string => `${Number((share * 100).toFixed(2))} %`;

/** Four digits, never with an exponent: quantities know none. Nothing that is measured is slower than a thousandth. */
function significant(value: number): string {
  return value >= 1000 ? value.toFixed(0) : String(Number(Math.max(0.001, value).toPrecision(4)));
}
