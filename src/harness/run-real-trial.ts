import type { RealServerSettings } from '../model/environment.ts';
import type { TrialRecord } from '../model/records.ts';
import type { PreparedRealImage } from './prepare-real-image.ts';
import type { RealLab } from './real-lab.ts';
import { realProgramSite } from './program-site.ts';
import { realSite } from './real-site.ts';
import { restoreOnce } from './restore-once.ts';
import { restoreByProgram } from './run-external-trial.ts';
import { knownStrategy, recordTrial, type TrialBasics } from './run-trial.ts';

export interface RealTrialOptions extends TrialBasics {
  readonly server: RealServerSettings;
  readonly prepared: PreparedRealImage;
  readonly lab: RealLab;
}

/** One whole restore by one strategy from a real server; see {@link recordTrial}. */
export async function runRealTrial(options: RealTrialOptions): Promise<TrialRecord> {
  return await recordTrial(options, async (strategy, findings) => {
    const { findStrategy } = options;
    if (strategy.external === undefined)
      await restoreOnce(knownStrategy(strategy, findStrategy), realSite(options), options, findings);
    else await restoreByProgram(strategy, realProgramSite(options), options, findings);
  });
}
