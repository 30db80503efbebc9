import { UsageError } from '../model/errors.ts';
import type { StrategySettings } from '../model/environment.ts';
import type { Scenario } from '../scenario/load-scenario.ts';
import { narrowScenario } from './narrow-scenario.ts';

/** Which restore of a scenario is meant. */
export interface RestoreChoice {
  /** Label, name or alias; the first strategy without it. */
  readonly strategy?: string | undefined;
  /** From 1. */
  readonly case: number;
  readonly repeats?: number | undefined;
}

/** A scenario of one case and one strategy. */
export interface SingleRestore extends Scenario {
  readonly cases: readonly [Scenario['cases'][0] & { readonly strategies: readonly [StrategySettings] }];
}

/**
 * Leaves one strategy of one case of a scenario, and none of its objectives.
 * @throws UsageError when the scenario has no such case or strategy, or is of a real server
 */
export function chooseRestore(scenario: Scenario, { strategy, case: number, repeats }: RestoreChoice): SingleRestore {
  const found = scenario.cases[number - 1];
  if (found === undefined) {
    const count = scenario.cases.length;
    throw new UsageError(`${scenario.name} has no case ${number}`, {
      code: 'unknown-case',
      hint: count === 1 ? 'it has one case' : `it has ${count} cases, numbered from 1`,
    });
  }
  if (found.server.kind === 'pbs') {
    throw new UsageError(`${scenario.name} names a real server, and profiles are made in the lab`, {
      code: 'usage',
      hint: 'profile a scenario that `restorelab capture` wrote from the server',
    });
  }
  const single: Scenario = { ...scenario, cases: [{ ...found, index: 0 }], objectives: [] };
  const narrowed = narrowScenario(single, { repeats, only: strategy === undefined ? undefined : [strategy] }).scenario;
  const [settings] = narrowed.cases;
  const [chosen] = settings.strategies;
  if (chosen === undefined) throw new Error(`the scenario ${scenario.name} has a case without strategies`);
  return { ...narrowed, cases: [{ ...settings, strategies: [chosen] }] };
}
