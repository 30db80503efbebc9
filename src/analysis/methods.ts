import type { RunRecord } from '../model/records.ts';
import { MINIMUM_VALUES } from '../stats/interval.ts';
import { MINIMUM_PAIRS } from './compare.ts';
import { verdictRule } from './verdict.ts';

/** How the figures of a report were made, one sentence each. */
export function describeMethods(run: RunRecord): readonly string[] {
  const { trialSettings: trials } = run;
  return [
    'Four rates over the duration of a trial, from the first request for a chunk until the target is finished: logical (image bytes, zeros included), data (non-zero bytes), unique (each distinct non-zero chunk once), wire (bytes that crossed the link to the client). MB is 10^6 bytes, MiB 2^20.',
    `A rate is the median of the measured trials: completed, ${proofsOf(run)}, no warm-up.`,
    `The 95 % interval beside a median is that of the geometric mean: the t-interval of the mean of the logarithms, taken back; the median may lie outside of it. Fewer than ${MINIMUM_VALUES} trials have none.`,
    `Comparisons use the data rate, trial by trial within a block, and the 95 % t-interval of the mean log ratio: faster or slower if it lies on one side of 1, not distinguishable if it holds 1 and stays within 10 %, otherwise, or with fewer than ${MINIMUM_PAIRS} pairs, inconclusive.`,
    `Trials: ${trials.repeats} measured and ${trials.warmUp} warm-up of each strategy in each case, ${trials.order}${trials.order === 'interleaved' ? `: blocks of every strategy once, shuffled with seed ${run.seed}` : ''}.`,
    'Chunk latency runs from the request for a data chunk until its write has returned, over all measured trials; its phases add up to it. Waiting for a decode thread counts as decoding; waiting for its turn or for the writer as held.',
    "CPU seconds are per 10^9 data bytes; the client's contain those spent on proving the restored bytes, which are also given apart.",
    "Little's law: chunks per second (bytes and duration of the trial) times mean latency, beside the time-weighted mean in flight of the chunk times.",
    `Verdict: ${verdictRule}`,
    `All times are from one monotonic clock (${run.clock.source}) that every process of the run shares.`,
  ];
}

/** Of an image that is on a real server nobody has the original. */
function proofsOf({ cases }: RunRecord): string {
  const proofs = cases.map(({ settings: { server } }) => {
    if (server.kind === 'embedded') return 'proven equal to the original';
    return server.proof === 'reference'
      ? 'proven equal to what one reading before the first trial found'
      : 'every chunk proven to have the digest of its slot in the index';
  });
  return proofs.length === 0 ? 'proven to be right' : [...new Set(proofs)].join(' or ');
}
