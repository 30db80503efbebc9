import { UsageError } from '../model/errors.ts';
import type { PlannedTrial } from '../model/records.ts';
import { didYouMean, listed } from './findings.ts';
import type { Scenario } from './load-scenario.ts';
import { seededRandom, shuffled } from './shuffle.ts';
import { quote } from './wording.ts';

export interface PlanChoices {
  /** Instead of the scenario's own. */
  readonly repeats?: number;
  /** Labels of the strategies to run; all without it. */
  readonly only?: readonly string[];
}

/**
 * The trials of a run in their order. Each block holds every case and strategy once; warm-up blocks come first.
 *
 * - `interleaved`: block after block, each shuffled with the scenario's seed, so that what slowly changes on the
 *   machine meets all strategies alike.
 * - `grouped`: all trials of a case's first strategy, warm-ups first, then those of the next.
 *
 * @throws UsageError (exit 2) when `only` names a strategy that the scenario does not have
 */
export function planTrials(
  { seed, trials, cases }: Pick<Scenario, 'seed' | 'trials' | 'cases'>,
  { repeats = trials.repeats, only }: PlanChoices = {},
): PlannedTrial[] {
  const labels = new Set(cases.flatMap(({ strategies }) => strategies.map(({ label }) => label)));
  for (const label of only ?? []) {
    if (labels.has(label)) continue;
    throw new UsageError(`no strategy of this scenario is called ${quote(label)}${didYouMean(label, labels)}`, {
      code: 'unknown-strategy',
      hint: `it has ${listed(labels)}`,
    });
  }
  const pairs = cases.flatMap(({ index, strategies }) =>
    strategies
      .filter(({ label }) => only === undefined || only.includes(label))
      .map(({ label }) => ({ case: index, strategy: label })),
  );
  const blocks = Array.from({ length: trials.warmUp + repeats }, (_, block) => block);
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
