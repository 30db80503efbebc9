import { metricValue } from '../model/metric.ts';
import type { VerdictCode } from '../model/report.ts';
import { formatShare } from '../model/units.ts';
import type { Findings } from './findings.ts';
import { CORES_BUSY, OWN_RATE_REACHED } from './resource-rules.ts';

/** Undefined where the findings leave it to the experiment of the lab. */
type RealExperiment = (findings: Findings) => string | undefined;
type Experiment = (findings: Findings) => string;

/** The experiment that tells this cause from the ones that look like it, of those that the scenario leaves to do. */
export function nextExperiment(code: VerdictCode, findings: Findings): string {
  const real = findings.isReal ? realExperiments[code]?.(findings) : undefined;
  return real ?? experiments[code](findings);
}

const isFasterKnown = ({ comparisons }: Findings): boolean => comparisons.some(({ verdict }) => verdict === 'faster');

/** The steps of an inconclusive run, less those that are done or refused. */
function changes({ isWindowFixed, strategy, target }: Findings, more: string, others: readonly string[]): string {
  return [
    isWindowFixed ? `run window-unordered beside ${strategy}` : more,
    ...others,
    ...(target.kind === 'discard' ? [] : ['use target: { kind: discard }']),
  ].join(', then ');
}

/** More threads or chunks in flight are worth nothing where no core is free for them. */
function fullMachine({ machine }: Findings): string | undefined {
  const share = machine === undefined ? undefined : metricValue(machine);
  if (share === undefined || share < CORES_BUSY) return undefined;
  return `The cores of this machine were ${formatShare(share)} busy, with this restore and everything else that runs here: stop the other programs, or run on a machine with more cores, and only then look at the server.`;
}

/** What the scenario holds back tells nothing of the server. */
function ownRate({ ownRate: share }: Findings): string | undefined {
  if (share === undefined || (metricValue(share) ?? 0) < OWN_RATE_REACHED) return undefined;
  return 'The scenario itself limits the rate (server.maxRate): run again without it, or with a higher one, when the server can take it.';
}

/** Where the experiment of the lab would turn what a real server has no knobs for. */
const realExperiments: Partial<Readonly<Record<VerdictCode, RealExperiment>>> = {
  'serialised-by-latency': (findings) => {
    const raise = isFasterKnown(findings)
      ? 'Raise inFlight of the faster strategy until its rate no longer follows'
      : findings.isWindowFixed
        ? 'Run window-unordered beside it and raise its inFlight until its rate no longer follows'
        : `Raise inFlight (now ${findings.inFlight}) until the data rate no longer follows`;
    return `${raise} (beyond 16 with server.maxInFlight). \`restorelab capture\` brings the server into the lab, where round trip and disks can be varied one by one.`;
  },
  link: () => 'Run iperf3 beside the restore and compare its rate with the wire rate.',
  'client-cpu': fullMachine,
  inconclusive: (findings) => {
    const known = ownRate(findings) ?? fullMachine(findings);
    if (known !== undefined) return known;
    const step = changes(findings, 'double inFlight (with server.maxInFlight)', []);
    return `Nothing on this side limits it, and what is beyond is not counted: ${step}. If that does not move the data rate, look at the busiest thread of proxmox-backup-proxy and at the disks of the server, or bring it into the lab with \`restorelab capture\`.`;
  },
};

const experiments: Readonly<Record<VerdictCode, Experiment>> = {
  'serialised-by-latency': (findings) => {
    if (isFasterKnown(findings))
      return 'Vary link.roundTrip, then storage.readLatency (matrix): whichever the time per chunk follows is the latency it waits for. Then raise inFlight of the faster strategy until its rate no longer follows.';
    const raise = findings.isWindowFixed
      ? 'Run window-unordered beside it: if its data rate is higher, latency was the limit.'
      : `Raise what is in flight (now ${findings.inFlight}): if the data rate follows, latency was the limit.`;
    return `${raise} Then vary link.roundTrip and check that the time per chunk grows by what is added.`;
  },
  link: () =>
    'Raise or remove link.rate: if the data rate follows, the link was the limit. On a real line, run iperf3 beside the restore and compare its rate with the wire rate.',
  storage: () =>
    'Run again with storage.queueDepth and storage.bandwidth doubled: if the data rate follows, the disks were the limit. On a real server, run twice and compare the warm cache with the cold one.',
  target: ({ target }) =>
    target.kind === 'discard'
      ? 'The target discards already, so what takes the time is handing chunks over in memory: run again on a quieter machine.'
      : 'Run again with target: { kind: discard }: if the data rate rises, writing was the limit.',
  'client-cpu': () =>
    'Raise decodeThreads: if the data rate rises, decoding was the limit; if not, it is one thread of the client (TLS, event loop), which a second connection does not relieve.',
  'server-cpu': () =>
    'Run again with image.compressionRatio doubled, so that the server reads, encrypts and sends half as much: if the data rate rises and the wire rate stays, one core of the server was the limit. On a real server, look at the busiest thread of proxmox-backup-proxy meanwhile.',
  'emulator-bound': () =>
    'Lower link.rate, or run on a machine with more cores, until the emulator is no longer busy; only then compare strategies.',
  inconclusive: (findings) =>
    `Change one thing at a time: ${changes(findings, 'double inFlight', ['raise decodeThreads'])}. What moves the data rate is the limit.`,
};
