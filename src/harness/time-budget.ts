import type { PlannedTrial } from '../model/records.ts';

/**
 * Says of each trial of a plan in turn whether it is still to be run, given how much time has gone into trials before
 * it: no new block starts once that is more than the budget, except up to the first measured block, without which a
 * strategy would have no result. In a grouped plan, where blocks come round again with each strategy, that leaves out
 * the later trials of each.
 */
export function timeBudget(
  plan: readonly PlannedTrial[],
  budgetMs: number = Infinity,
): (planned: PlannedTrial, spentMs: number) => boolean {
  const firstMeasuredBlock = plan.find(({ warmUp }) => !warmUp)?.block ?? 0;
  let block = -1;
  let isRun = true;
  return (planned, spentMs) => {
    if (planned.block !== block) {
      block = planned.block;
      isRun = block <= firstMeasuredBlock || spentMs <= budgetMs;
    }
    return isRun;
  };
}
