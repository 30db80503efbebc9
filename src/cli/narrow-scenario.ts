import { UsageError } from '../model/errors.ts';
import type { ObjectiveTerm } from '../model/objective.ts';
import type { RecordedWarning } from '../model/records.ts';
import { didYouMean, listed } from '../scenario/findings.ts';
import type { Scenario } from '../scenario/load-scenario.ts';
import { findStrategy } from '../strategy/strategies.ts';

/** What a run takes of a scenario. */
export interface ScenarioChoices {
  /** Measured trials of each strategy, instead of the scenario's own. */
  readonly repeats?: number | undefined;
  /** Labels of the strategies to run, or names or aliases, which mean every label of theirs; all without it. */
  readonly only?: readonly string[] | undefined;
}

/** A scenario that says what is really run, and what its reader should know about that. */
export interface NarrowedScenario {
  readonly scenario: Scenario;
  readonly warnings: readonly RecordedWarning[];
}

/**
 * Leaves of a scenario what is chosen, so that plan, records and verdict speak of nothing else. An objective that names
 * a strategy that is left out cannot be checked: it is dropped, with a warning.
 * @throws UsageError `unknown-strategy` when `only` names a strategy that the scenario does not have
 */
export function narrowScenario(scenario: Scenario, { repeats, only }: ScenarioChoices): NarrowedScenario {
  const trials = repeats === undefined ? scenario.trials : { ...scenario.trials, repeats };
  if (only === undefined) return { scenario: { ...scenario, trials }, warnings: [] };
  const kept = chosenLabels(scenario, only);
  const narrowed = ({ strategies, ...settings }: Scenario['cases'][0]): Scenario['cases'][0] => ({
    ...settings,
    strategies: strategies.filter(({ label }) => kept.has(label)),
  });
  const [first, ...others] = scenario.cases;
  const missing = scenario.objectives.map(({ left, right }) =>
    [left, right].flatMap((term) => labelOf(term)).filter((label) => !kept.has(label)),
  );
  return {
    scenario: {
      ...scenario,
      trials,
      cases: [narrowed(first), ...others.map(narrowed)],
      objectives: scenario.objectives.filter((_, index) => missing[index]?.length === 0),
    },
    warnings: scenario.objectives.flatMap(({ text }, index) => {
      const labels = new Set(missing[index]);
      if (labels.size === 0) return [];
      return {
        code: 'objective-dropped',
        sentence: `the objective \`${text}\` is not checked: this run leaves out ${listed(labels)}`,
      };
    }),
  };
}

function chosenLabels({ name, cases }: Scenario, only: readonly string[]): ReadonlySet<string> {
  const known = cases.flatMap(({ strategies }) => strategies);
  const labels = new Set(known.map(({ label }) => label));
  return new Set(
    only.flatMap((wanted) => {
      const canonical = findStrategy(wanted)?.name;
      const found = known.filter((strategy) => strategy.label === wanted || strategy.name === (canonical ?? wanted));
      if (found.length > 0) return found.map(({ label }) => label);
      throw new UsageError(`${name} has no strategy \`${wanted}\`${didYouMean(wanted, labels)}`, {
        code: 'unknown-strategy',
        hint: `it has ${listed(labels)}`,
      });
    }),
  );
}

const labelOf = (term: ObjectiveTerm): readonly string[] => (term.kind === 'metric' ? [term.label] : []);
