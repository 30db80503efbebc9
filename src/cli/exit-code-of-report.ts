import { exitCodes, type ExitCode } from '../model/errors.ts';
import type { Report } from '../model/report.ts';

/** 3 before 1: a run in which trials failed could not show that an objective holds. */
export function exitCodeOf(report: Report): ExitCode {
  const trials = report.cases.flatMap(({ strategies }) => strategies.flatMap((strategy) => strategy.trials));
  if (trials.some(({ status }) => status === 'failed')) return exitCodes.trials;
  if (trials.some(({ verified }) => verified === false)) return exitCodes.failed;
  if (report.objectives.some(({ passed }) => !passed)) return exitCodes.failed;
  return exitCodes.fine;
}
