import { metric, metricValue, unavailable, type Metric, type UseRow } from '../model/metric.ts';
import type { CaseRecord, RunRecord, TrialRecord } from '../model/records.ts';
import type { Comparison, Evidence, Verdict, VerdictCode } from '../model/report.ts';
import { gatherFindings, MACHINE_EVIDENCE, OWN_RATE_EVIDENCE, type Findings } from './findings.ts';
import { measuredTrials } from './measured-trials.ts';
import { CORES_BUSY, OWN_RATE_REACHED, precedences, resourceRules, type MeasuredResource } from './resource-rules.ts';
import { nextExperiment } from './next-experiment.ts';
import { verdictSentence } from './verdict-sentence.ts';

/** The fetch slots count as full from here: zero chunks, the start and the end of a trial leave them empty. */
const SLOTS_FULL = 0.85;
/** Most of a chunk's time: half or more. */
const MOSTLY_WAITING = 0.5;
/** A resource that is busier than this may itself be what makes the first byte late. */
const NOTHING_BUSY = 0.8;

/** Names of evidence that other parts of a report look up. */
export const WAITING_EVIDENCE = 'share of chunk time spent waiting for the first byte';
export const BUSIEST_EVIDENCE = 'busiest resource';

/** The rule in words, with the thresholds that the program uses. */
export const verdictRule: string = [
  'Subject: the first strategy; each share is the median over its measured trials; a main thread is busy while it runs or waits for a core.',
  `A resource limits from the share given here on: ${resourceRules.map(({ name, threshold }) => `${name} ${threshold}`).join('; ')}.`,
  'If several do, the ceiling of the link emulator goes first, then link, storage and a throttled target, which are counted against what is declared, then the main thread of the emulator, then the largest share.',
  `Otherwise it is serialised by latency if its fetch slots are at least ${SLOTS_FULL} full, at least ${MOSTLY_WAITING} of the chunks' time is waiting for the first byte, and no resource reaches ${NOTHING_BUSY}.`,
  'Beside a real server all that runs on the cores of this machine is one more resource that may be busy, and so is the rate of server.maxRate. Beyond it link, cores and disks are not counted: with more than one chunk in flight it is then serialised only if another strategy is faster.',
  'Otherwise inconclusive. What the scenario expects is never looked at.',
].join(' ');

/** What limits the first strategy of a case, from the records of its trials alone. */
export function judge(
  run: RunRecord,
  record: CaseRecord,
  trials: readonly TrialRecord[],
  comparisons: readonly Comparison[],
  use: readonly UseRow[],
): Verdict {
  const [subject] = record.settings.strategies;
  const strategy = subject?.label ?? 'no strategy';
  const measured = measuredTrials(trials);
  const findings = gatherFindings(run, record, measured, comparisons, use);
  const evidence = listEvidence(findings);
  if (measured.length === 0) {
    const cause = trials.find(({ error }) => error !== undefined)?.error;
    const detail = cause === undefined ? 'none was completed and verified' : cause.message;
    return {
      code: 'inconclusive',
      sentence: `No trial of ${strategy} could be measured: ${detail}.`,
      next:
        cause?.hint === undefined
          ? 'Look at the failed trials first, then run again.'
          : `First: ${cause.hint}; then run again.`,
      strategy,
      evidence,
      rule: verdictRule,
    };
  }
  const met = findings.resources.filter((resource) => resource.met).toSorted(byPriority);
  const [limit, ...others] = met;
  const runnerUp = others.find(({ code }) => code !== limit?.code);
  const code: VerdictCode = limit?.code ?? (isSerialised(findings) ? 'serialised-by-latency' : 'inconclusive');
  return {
    code,
    sentence: verdictSentence(code, findings, limit, runnerUp),
    strategy,
    evidence,
    next: nextExperiment(code, findings),
    rule: verdictRule,
  };
}

/** Several chunks that wait for a real server may wait for its link or disks, which nobody counts: only a gain shows latency. */
function isSerialised({ slotUse, shares, busiest, isReal, inFlight, comparisons }: Findings): boolean {
  if (isReal && inFlight > 1 && !comparisons.some(({ verdict }) => verdict === 'faster')) return false;
  const slotsFull = (metricValue(slotUse) ?? 0) >= SLOTS_FULL;
  const waiting = (shares.waiting ?? 0) >= MOSTLY_WAITING;
  return slotsFull && waiting && busiest !== undefined && busiest.share < NOTHING_BUSY;
}

function listEvidence({ resources, machine, ownRate, slotUse, shares, busiest }: Findings): readonly Evidence[] {
  const orUnknown = (value: number | undefined): Metric =>
    value === undefined ? unavailable('no chunk times were recorded') : metric(value);
  return [
    {
      name: 'fetch slots in use',
      measured: slotUse,
      threshold: `>= ${SLOTS_FULL}`,
      met: (metricValue(slotUse) ?? 0) >= SLOTS_FULL,
    },
    {
      name: WAITING_EVIDENCE,
      measured: orUnknown(shares.waiting),
      threshold: `>= ${MOSTLY_WAITING}`,
      met: (shares.waiting ?? 0) >= MOSTLY_WAITING,
    },
    {
      name: BUSIEST_EVIDENCE,
      measured: busiest === undefined ? unavailable('no resource was measured') : metric(busiest.share),
      threshold: `< ${NOTHING_BUSY}`,
      met: busiest !== undefined && busiest.share < NOTHING_BUSY,
    },
    ...resources.map(({ name, measured, threshold, met }) => ({ name, measured, threshold: `>= ${threshold}`, met })),
    ...reached(MACHINE_EVIDENCE, machine, CORES_BUSY),
    ...reached(OWN_RATE_EVIDENCE, ownRate, OWN_RATE_REACHED),
  ];
}

/** That a share reaches a threshold, where it was looked at. */
const reached = (name: string, measured: Metric | undefined, threshold: number): readonly Evidence[] =>
  measured === undefined
    ? []
    : [{ name, measured, threshold: `>= ${threshold}`, met: (metricValue(measured) ?? 0) >= threshold }];

function byPriority(a: MeasuredResource, b: MeasuredResource): number {
  const rank = ({ precedence }: MeasuredResource): number => precedences.indexOf(precedence);
  return rank(a) - rank(b) || (metricValue(b.measured) ?? 0) - (metricValue(a.measured) ?? 0);
}
