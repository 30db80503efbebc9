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
