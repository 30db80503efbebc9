import type { PlannedTrial } from '../model/records.ts';
import type { Scenario } from './load-scenario.ts';
import { seededRandom, shuffled } from './shuffle.ts';

/**
 * The trials of a run in their order. Each block holds every case and strategy once; warm-up blocks come first.
 *
 * - `interleaved`: block after block, each shuffled with the scenario's seed, so that what slowly changes on the
 *   machine meets all strategies alike.
 * - `grouped`: all trials of a case's first strategy, warm-ups first, then those of the next.
 */
export function planTrials({ seed, trials, cases }: Pick<Scenario, 'seed' | 'trials' | 'cases'>): PlannedTrial[] {
  const pairs = cases.flatMap(({ index, strategies }) =>
    strategies.map(({ label }) => ({ case: index, strategy: label })),
  );
  const blocks = Array.from({ length: trials.warmUp + trials.repeats }, (_, block) => block);
  const random = seededRandom(seed);
  const ordered =
    trials.order === 'grouped'
      ? pairs.flatMap((pair) => blocks.map((block) => ({ block, pair })))
      : blocks.flatMap((block) => shuffled(pairs, random).map((pair) => ({ block, pair })));
  return ordered.map(({ block, pair }, index) => ({
    index,
    block,
    warmUp: block < trials.warmUp,
    case: pair.case,
    strategy: pair.strategy,
  }));
}
