import type { PlannedTrial, RecordedWarning, RunRecord, TrialRecord } from '../model/records.ts';
import type { CallError } from '../process/call-error.ts';
import type { Scenario } from '../scenario/load-scenario.ts';

/** What is asked of a client that runs in a process of its own, under a profiler. */
export interface ProfiledClientCalls {
  /** Restores as a run does; answers when the run is over and saved. */
  run(options: ProfiledRunOptions): Promise<ProfiledRunResult>;
  /** Ends the run early, as Ctrl-C does. */
  interrupt(signal: 'SIGINT' | 'SIGTERM'): void;
  [method: string]: (parameter: never) => unknown;
}

export interface ProfiledRunOptions {
  readonly scenario: Scenario;
  readonly plan: readonly PlannedTrial[];
  readonly warnings: readonly RecordedWarning[];
  /** Paths of key files and the keys in them: over the channel, and so in no argument and no variable. */
  readonly keys: readonly (readonly [path: string, key: Uint8Array])[];
  /** That of the run, made already. */
  readonly directory: string;
  readonly cacheFolder: string;
  readonly certificateFolder: string;
  readonly tool: RunRecord['tool'];
}

export interface ProfiledRunResult {
  readonly status: RunRecord['status'];
  readonly trialsRun: number;
  readonly error?: CallError;
}

/** Calls of the run's observer, as far as somebody who watches needs them. */
export type ProfiledRunEvent =
  | { readonly kind: 'preparing'; readonly what: string }
  | { readonly kind: 'trial-started'; readonly planned: PlannedTrial }
  | {
      readonly kind: 'trial-progress';
      readonly planned: PlannedTrial;
      readonly doneBytes: number;
      readonly totalBytes: number;
    }
  | { readonly kind: 'trial-ended'; readonly record: Omit<TrialRecord, 'spans'> }
  | { readonly kind: 'warning'; readonly warning: RecordedWarning };
