import type { BuiltInStrategySettings, CaseSettings, StrategySettings, TrialSettings } from '../model/environment.ts';
import { asMachineError, InterruptedError, KnownError } from '../model/errors.ts';
import type { Clock, Strategy } from '../model/ports.ts';
import { recordFormatVersion, type PlannedTrial, type RecordedError, type TrialRecord } from '../model/records.ts';
import { labSite } from './lab-site.ts';
import type { Lab } from './lab.ts';
import type { PreparedImage } from './prepare-image.ts';
import { labProgramSite } from './program-site.ts';
import { restoreOnce, type Findings } from './restore-once.ts';
import { restoreByProgram } from './run-external-trial.ts';

/** A trial, wherever its chunks come from. */
export interface TrialBasics {
  readonly planned: PlannedTrial;
  readonly settings: CaseSettings;
  readonly trialSettings: TrialSettings;
  /** The process that runs this code: the client of the restore. */
  readonly clientPid: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly findStrategy: (name: string) => Strategy | undefined;
  /** Called for each chunk that was written, with image bytes so far. */
  readonly onProgress: (logicalBytes: number) => void;
}

export interface TrialOptions extends TrialBasics {
  readonly prepared: PreparedImage;
  readonly lab: Lab;
}

/** An error as records keep it; a stack is for errors that nobody foresaw. */
export function recordError(error: unknown): RecordedError {
  if (error instanceof KnownError) {
    return { code: error.code, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
  }
  return { code: 'internal', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** One whole restore by one strategy in the lab; see {@link recordTrial}. */
export async function runTrial(options: TrialOptions): Promise<TrialRecord> {
  return await recordTrial(options, async (strategy, findings) => {
    const { findStrategy } = options;
    if (strategy.external === undefined)
      await restoreOnce(knownStrategy(strategy, findStrategy), labSite(options), options, findings);
    else await restoreByProgram(strategy, labProgramSite(options), options, findings);
  });
}

/** @throws Error for a name that passed the check of the scenario and is none */
export function knownStrategy(
  { name, knobs }: BuiltInStrategySettings,
  findStrategy: TrialBasics['findStrategy'],
): { readonly strategy: Strategy; readonly knobs: BuiltInStrategySettings['knobs'] } {
  const strategy = findStrategy(name);
  if (strategy === undefined) throw new Error(`there is no strategy ${name}`);
  return { strategy, knobs };
}

/**
 * One whole restore by one strategy, timed from the first request for a chunk until the target is finished, then
 * proven. Whatever goes wrong inside ends up in the record, beside what was measured until then; only a cause that
 * would stop any trial is thrown.
 */
export async function recordTrial(
  { planned, settings, signal }: Pick<TrialBasics, 'planned' | 'settings' | 'signal'>,
  restore: (strategy: StrategySettings, findings: Findings) => Promise<void>,
): Promise<TrialRecord> {
  const base = { ...planned, formatVersion: recordFormatVersion };
  const strategy = settings.strategies.find(({ label }) => label === planned.strategy);
  if (strategy === undefined) throw new Error(`the plan names ${planned.strategy}, which the case does not have`);
  const findings: Findings = {};
  try {
    await restore(strategy, findings);
    return { ...base, status: 'completed', ...findings };
  } catch (error) {
    if (signal.aborted && signal.reason instanceof InterruptedError) {
      return { ...base, status: 'interrupted', error: recordError(signal.reason), ...findings };
    }
    return { ...base, status: 'failed', error: recordError(asMachineError(error, 'the restore')), ...findings };
  }
}
