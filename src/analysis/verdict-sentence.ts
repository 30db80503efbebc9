import { phases, type Comparison, type ComparisonVerdict, type Phase, type VerdictCode } from '../model/report.ts';
import { formatDuration, formatShare } from '../model/units.ts';
import { MINIMUM_PAIRS } from './compare.ts';
import type { Findings } from './findings.ts';
import { intervalText, ratioText } from './ratio-text.ts';
import type { MeasuredResource } from './resource-rules.ts';

const limitText: Readonly<Record<VerdictCode, string>> = {
  'serialised-by-latency': 'is serialised by latency',
  link: 'is limited by the link',
  storage: 'is limited by the storage',
  target: 'is limited by the target',
  'client-cpu': 'is limited by the CPU of the client',
  'server-cpu': 'is limited by the CPU of the server',
  'emulator-bound': 'is limited by the link emulator of this tool, so this run says nothing of a real link',
  inconclusive: 'has no single limit that the rule can name',
};

const phaseText: Readonly<Record<Phase, string>> = {
  queued: 'waiting to be sent',
  waiting: 'waiting for the first byte',
  receiving: 'receiving',
  decoding: 'decoding',
  held: 'waiting to be written',
  writing: 'writing',
};

/** What limits the strategy, the figures that say so, what else was at its limit, and what a better strategy gains. */
export function verdictSentence(
  code: VerdictCode,
  findings: Findings,
  limit: MeasuredResource | undefined,
  runnerUp: MeasuredResource | undefined,
): string {
  const parts = [
    `${findings.strategy} ${limitText[code]}: ${limit === undefined ? slotText(findings) : shareText(limit)}`,
  ];
  if (runnerUp !== undefined) parts.push(`close behind: ${shareText(runnerUp)}`);
  const comparison = comparisonText(findings.comparisons);
  if (comparison !== undefined) parts.push(comparison);
  return `${parts.join('; ')}.`;
}

function shareText({ name, measured }: MeasuredResource): string {
  return `${name}, ${'value' in measured ? `${formatShare(measured.value)} busy` : `unknown: ${measured.unavailable}`}`;
}

/** One chunk at a time, 62 % of each chunk's 58 ms is waiting for the first byte while no resource is more than 31 % busy */
function slotText({ inFlight, chunkMs, shares, busiest }: Findings): string {
  const window = inFlight === 1 ? 'one chunk at a time' : `${inFlight} chunks at a time`;
  const largest = phases.toSorted((a, b) => (shares[b] ?? 0) - (shares[a] ?? 0))[0] ?? 'waiting';
  const share = shares[largest];
  const where =
    chunkMs === undefined || share === undefined
      ? 'where the time of a chunk goes was not recorded'
      : `${formatShare(share)} of each chunk's ${formatDuration(chunkMs)} is ${phaseText[largest]}`;
  const rest =
    busiest === undefined ? '' : ` while no resource is more than ${formatShare(busiest.share)} busy (${busiest.name})`;
  return `${window}, ${where}${rest}`;
}

/** The comparison that tells most: the largest gain that is certain, or what is known of the fastest. */
function comparisonText(comparisons: readonly Comparison[]): string | undefined {
  const ranked = comparisons.toSorted((a, b) => (b.ratio ?? 0) - (a.ratio ?? 0));
  const best = ranked.find(({ verdict }) => verdict === 'faster') ?? ranked[0];
  if (best?.ratio === undefined) return undefined;
  const ratio = ratioText(best.ratio);
  const interval = best.interval === undefined ? '' : ` (${intervalText(best.ratio, best.interval)})`;
  const certain = `${best.of} is ${ratio} times as fast${interval}`;
  const doubt =
    best.pairs < MINIMUM_PAIRS
      ? `${best.pairs === 1 ? '1 pair of trials is' : `${best.pairs} pairs of trials are`} too few to be sure`
      : `the interval is too wide to be sure${interval}`;
  const texts: Readonly<Record<ComparisonVerdict, string>> = {
    faster: certain,
    slower: certain,
    'not-distinguishable': `${best.of} is not distinguishable from it${interval}`,
    inconclusive: `${best.of} came out ${ratio} times as fast, but ${doubt}`,
  };
  return texts[best.verdict];
}

/** The experiment that tells this cause from the ones that look like it. */
export function nextExperiment(code: VerdictCode, { inFlight, comparisons, isReal }: Findings): string {
  const real = isReal ? realExperiments[code] : undefined;
  if (real !== undefined) return real;
  if (code === 'serialised-by-latency' && !comparisons.some(({ verdict }) => verdict === 'faster')) {
    return `Raise what is in flight (now ${inFlight}): if the data rate follows, latency was the limit. Then vary link.roundTrip and check that the time per chunk grows by what is added.`;
  }
  return experiments[code];
}

/** Where the experiment of the lab would turn what a real server has no knobs for. */
const realExperiments: Partial<Readonly<Record<VerdictCode, string>>> = {
  'serialised-by-latency':
    'Raise inFlight of the faster strategy until its rate no longer follows (beyond 16 with server.maxInFlight). `restorelab capture` brings the server into the lab, where round trip and disks can be varied one by one.',
  link: 'Run iperf3 beside the restore and compare its rate with the wire rate.',
  inconclusive:
    'Nothing on this side limits it, and what is beyond is not counted: double inFlight (with server.maxInFlight), then use target: { kind: discard }. If neither moves the data rate, look at the busiest thread of proxmox-backup-proxy and at the disks of the server, or bring it into the lab with `restorelab capture`.',
};

const experiments: Readonly<Record<VerdictCode, string>> = {
  'serialised-by-latency':
    'Vary link.roundTrip, then storage.readLatency (matrix): whichever the time per chunk follows is the latency it waits for. Then raise inFlight of the faster strategy until its rate no longer follows.',
  link: 'Raise or remove link.rate: if the data rate follows, the link was the limit. On a real line, run iperf3 beside the restore and compare its rate with the wire rate.',
  storage:
    'Run again with storage.queueDepth and storage.bandwidth doubled: if the data rate follows, the disks were the limit. On a real server, run twice and compare the warm cache with the cold one.',
  target: 'Run again with target: { kind: discard }: if the data rate rises, writing was the limit.',
  'client-cpu':
    'Raise decodeThreads: if the data rate rises, decoding was the limit; if not, it is one thread of the client (TLS, event loop), which a second connection does not relieve.',
  'server-cpu':
    'Run again with image.compressionRatio doubled, so that the server reads, encrypts and sends half as much: if the data rate rises and the wire rate stays, one core of the server was the limit. On a real server, look at the busiest thread of proxmox-backup-proxy meanwhile.',
  'emulator-bound':
    'Lower link.rate, or run on a machine with more cores, until the emulator is no longer busy; only then compare strategies.',
  inconclusive:
    'Change one thing at a time: double inFlight, then decodeThreads, then use target: { kind: discard }. What moves the data rate is the limit.',
};
