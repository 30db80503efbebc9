import { metric, metricValue, unavailable, type Metric } from '../model/metric.ts';
import type { Evidence, Verdict, VerdictCode } from '../model/report.ts';
import { formatShare } from '../model/units.ts';
import { MAX_VERIFY_THREADS, type VerifyRecord } from '../model/verify.ts';
import { chunkTimes } from './chunk-times.ts';
import { CORES_BUSY } from './resource-rules.ts';

/** Threads that are at work for so much of the time leave nothing to gain elsewhere. */
const VERIFY_THREADS_BUSY = 0.9;
/** Between two files a read thread is idle for a moment. */
const READ_THREADS_BUSY = 0.85;
/** From half of its reads on a verify waits for the disk rather than for bytes. */
const MOSTLY_WAITING = 0.5;
/** In shorter ones the start of threads and files shows. */
const SHORTEST_MS = 1000;

const rule: string = [
  `It is limited by its CPU work from ${VERIFY_THREADS_BUSY} of the verify threads' time, or ${CORES_BUSY} of that of all cores.`,
  `Otherwise by reading from ${READ_THREADS_BUSY} of the read threads' time: serialised by latency where at least ${MOSTLY_WAITING} of what reads take is waiting for the first byte, limited by the storage where it is not.`,
  `Otherwise, and where it took less than ${SHORTEST_MS} ms, inconclusive.`,
].join(' ');

const NO_MORE_READING = 'There are no more read threads to be had';

/** What limits a verify, by the shares of its threads' time. */
export function judgeVerify(record: VerifyRecord): Verdict {
  const { settings, durationMs, usage, host, bytes } = record;
  const { readThreads, verifyThreads } = settings;
  const share = (busyMs: number, threads: number): Metric =>
    bytes.read > 0 ? metric(Math.min(1, busyMs / (threads * durationMs))) : unavailable('no chunk was read');
  const cpuMs = metricValue(usage.cpuMs);
  const cores: Metric = cpuMs === undefined ? usage.cpuMs : share(cpuMs, host.cores);
  const readers = share(record.readBusyMs, readThreads);
  const verifiers = share(record.verifyBusyMs, verifyThreads);
  const waiting = waitingShare(record);
  const evidence: readonly Evidence[] = [
    named('verify threads', verifiers, VERIFY_THREADS_BUSY),
    named('all cores, by this process', cores, CORES_BUSY),
    named('read threads', readers, READ_THREADS_BUSY),
    named('share of read time spent waiting for the first byte', waiting, MOSTLY_WAITING),
  ];
  const [byVerifying, byCores, byReading, byWaiting] = evidence.map(({ met }) => met);
  const isLongEnough = durationMs >= SHORTEST_MS;
  const code: VerdictCode = !isLongEnough
    ? 'inconclusive'
    : byVerifying === true || byCores === true
      ? 'client-cpu'
      : byReading === true
        ? byWaiting === true
          ? 'serialised-by-latency'
          : 'storage'
        : 'inconclusive';
  const isReadMore = readThreads < MAX_VERIFY_THREADS;
  const moreReading = `Run again with --read-threads ${Math.min(MAX_VERIFY_THREADS, 4 * readThreads)}`;
  const figures = `read threads ${text(readers)} busy, verify threads ${text(verifiers)}`;
  const texts: Readonly<Partial<Record<VerdictCode, readonly [sentence: string, next: string]>>> = {
    'client-cpu': [
      `The verify is limited by the CPU: ${figures}, all cores ${text(cores)}.`,
      byCores === true
        ? 'The cores are used up: more threads gain nothing, and a restore of the same data would compete for them.'
        : verifyThreads < MAX_VERIFY_THREADS
          ? `Run again with more than ${verifyThreads} verify threads.`
          : 'There are no more verify threads to be had: it takes a machine with faster cores.',
    ],
    'serialised-by-latency': [
      `The verify is serialised by latency: ${figures}; ${text(waiting)} of what a read takes is waiting for its first byte.`,
      isReadMore
        ? `${moreReading}: if the rate follows, reads were too few at a time.`
        : `${NO_MORE_READING}: it takes a disk that answers sooner; try the other --order, too.`,
    ],
    storage: [
      `The verify is limited by reading: ${figures}; ${text(waiting)} of what a read takes is waiting for its first byte.`,
      isReadMore
        ? `${moreReading}: if the rate stays, the disk is at its limit; then try the other --order.`
        : `${NO_MORE_READING}: the disk is at its limit; try the other --order.`,
    ],
    inconclusive: isLongEnough
      ? [
          `The verify has no single limit that the rule can name: ${figures}.`,
          'Vary --read-threads and --verify-threads one at a time.',
        ]
      : [
          bytes.read > 0
            ? `The verify took too short a time to say what limits it: ${figures}.`
            : 'No chunk was read, so that it is unknown what limits the verify.',
          'Verify more, or a datastore that is not in the page cache.',
        ],
  };
  const [sentence, next] = texts[code] ?? ['', ''];
  return { code, sentence, strategy: 'verify', evidence, next, rule };
}

/** Of the time from asking the disk for a file until its last byte. */
function waitingShare({ spans }: VerifyRecord): Metric {
  let waitingMs = 0;
  let readMs = 0;
  for (const { phaseMs } of spans === undefined ? [] : chunkTimes(spans)) {
    waitingMs += phaseMs.waiting;
    readMs += phaseMs.waiting + phaseMs.receiving;
  }
  return readMs > 0 ? metric(waitingMs / readMs) : unavailable('no chunk times were recorded');
}

const named = (name: string, measured: Metric, threshold: number): Evidence => ({
  name,
  measured,
  threshold: `>= ${threshold}`,
  met: (metricValue(measured) ?? 0) >= threshold,
});

const text = (share: Metric): string => ('value' in share ? formatShare(share.value) : 'unknown');
