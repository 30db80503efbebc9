import type { LinkSettings } from '../model/environment.ts';
import type { LinkCalibration, PlannedTrial, RecordedWarning, TrialRecord } from '../model/records.ts';

/** What a user interface wants to know while a run goes on. */
export interface RunObserver {
  /** Something that is not a trial takes time; totals are bytes, absent where unknown. */
  preparing(what: string, progress?: { readonly doneBytes: number; readonly totalBytes: number }): void;
  /** `achieved` is what the emulated link was found to do. */
  calibrated(caseIndex: number, asked: LinkSettings, achieved: LinkCalibration): void;
  trialStarted(planned: PlannedTrial): void;
  /** Image bytes written so far, of how many. */
  trialProgress(planned: PlannedTrial, doneBytes: number, totalBytes: number): void;
  trialEnded(record: TrialRecord): void;
  warning(warning: RecordedWarning): void;
}
