import { dirname } from 'node:path';

import type { Cache } from '../cache/cache.ts';
import { hostFacts } from '../metrics/host-inventory.ts';
import type { CaseSettings } from '../model/environment.ts';
import { exitCodes, InterruptedError, KnownError } from '../model/errors.ts';
import { unavailable } from '../model/metric.ts';
import type { Clock, Strategy } from '../model/ports.ts';
import {
  recordFormatVersion,
  type CaseRecord,
  type HostFacts,
  type PlannedTrial,
  type RecordedWarning,
  type RunRecord,
  type TrialRecord,
} from '../model/records.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import type { Launcher } from '../process/launch-through.ts';
import type { Scenario } from '../scenario/load-scenario.ts';
import { findStrategy } from '../strategy/strategies.ts';
import { createTarget } from '../target/create-target.ts';
import { checkPrograms } from './check-programs.ts';
import { calibrateCases } from './calibrate-cases.ts';
import { Lab } from './lab.ts';
import { prepareRealImage, type PreparedRealImage } from './prepare-real-image.ts';
import { RealLab } from './real-lab.ts';
import type { OpenRealServer } from './real-server.ts';
import { runRealTrial } from './run-real-trial.ts';
import { imageKey, prepareImage, type PreparedImage } from './prepare-image.ts';
import { RunDirectory } from './run-directory.ts';
import type { RunObserver } from './run-observer.ts';
import { recordError, runTrial, type TrialBasics } from './run-trial.ts';
import { timeBudget } from './time-budget.ts';

/** What a run does differently while a profiler watches one of its processes. */
export interface Profiling {
  /** Made before the run, since the profiler writes into it. */
  readonly directory: RunDirectory;
  /** Starts the embedded server, where that is the process in question. */
  readonly launchServer?: Launcher;
  /**
   * Acquired before the first trial and disposed of after the last, while the lab still runs. Warm-up trials are in it:
   * V8 cannot tell apart the functions that it had inlined before a profiler started.
   */
  readonly watch?: (lab: Lab) => Promise<AsyncDisposable>;
}

export interface RunOptions {
  readonly scenario: Scenario;
  readonly plan: readonly PlannedTrial[];
  /** What is known before the run that its reader should know too. */
  readonly warnings?: readonly RecordedWarning[];
  /** Encryption keys that the scenario names, by the path of their file. */
  readonly keys?: ReadonlyMap<string, CryptConfig>;
  /** Folder in which the run directory is made. */
  readonly out: string;
  readonly cache: Cache;
  readonly certificateFolder: string;
  readonly clientPid: number;
  readonly clock: Clock;
  readonly tool: RunRecord['tool'];
  /** Of Node.js and its parts, for the inventory of the host. */
  readonly versions: Readonly<Record<string, string | undefined>>;
  readonly observer: RunObserver;
  /** The registered ones unless a test brings its own. */
  readonly findStrategy?: (name: string) => Strategy | undefined;
  /** Aborted with an InterruptedError to stop: what was measured is saved. */
  readonly signal: AbortSignal;
  readonly profiling?: Profiling;
  /** Opens the server of a scenario that names a real one. */
  readonly openRealServer?: OpenRealServer;
}

/** How a run ended; what it measured is in its directory. */
export interface RunOutcome {
  readonly directory: RunDirectory;
  readonly status: RunRecord['status'];
  /** Trials that came to an end of their own. */
  readonly trialsRun: number;
  /** What stopped the run, if something did. */
  readonly error?: unknown;
}

/** An image that could not be prepared because its data are damaged: its trials fail, the others go on. */
interface UnusableImage {
  readonly unusable: KnownError;
}

/**
 * Runs a plan: prepares images and lab, calibrates the link, then trial after trial, each saved as soon as it ends.
 * @throws UsageError when a target exists already or its folder does not, or a program is not there; MachineError when a target or not even the
 * run directory can be written; anything later is in the outcome
 */
export async function runScenario(options: RunOptions): Promise<RunOutcome> {
  await tryTargets(options);
  const startedAt = new Date();
  const directory =
    options.profiling?.directory ?? (await RunDirectory.create(options.out, options.scenario.name, startedAt));
  const run = new RunInProgress(options, directory, startedAt);
  return await run.complete();
}

/** Every trial would fail for the same reason, after all the preparations. */
async function tryTargets({ scenario, clock }: RunOptions): Promise<void> {
  await checkPrograms(scenario);
  const files = scenario.cases.flatMap(({ target }) => (target.kind === 'file' ? [target.path] : []));
  for (const path of new Set(files)) {
    const target = await createTarget({ kind: 'file', path }, { size: 0, clock });
    await target[Symbol.asyncDispose]();
  }
}

/** Damaged data fail the trials that need them. That an index is damaged may only be told by the server's refusal. */
function isDamage(error: unknown): error is KnownError {
  return error instanceof KnownError && (error.exitCode === exitCodes.failed || error.code === 'download-refused');
}

/** All cases of a scenario are of one kind. */
const isReal = ({ cases }: Pick<Scenario, 'cases'>): boolean => cases[0].server.kind === 'pbs';

class RunInProgress {
  readonly #options: RunOptions;
  readonly #directory: RunDirectory;
  readonly #images: Map<string, PreparedImage | PreparedRealImage | UnusableImage> = new Map();
  readonly #cases: CaseRecord[];
  #record: RunRecord;
  #trialsRun = 0;

  constructor(options: RunOptions, directory: RunDirectory, startedAt: Date) {
    const { scenario, plan, tool, clock } = options;
    this.#options = options;
    this.#directory = directory;
    this.#cases = scenario.cases.map((settings) => ({ settings }));
    this.#record = {
      formatVersion: recordFormatVersion,
      tool,
      mode: isReal(scenario) ? 'real' : 'emulate',
      scenario: {
        name: scenario.name,
        file: scenario.file,
        sha256: scenario.sha256,
        text: scenario.text,
        ...(scenario.description === undefined ? {} : { description: scenario.description }),
      },
      host: { platform: 'unknown', arch: 'unknown', cores: 0, memoryBytes: 0 },
      startedAt: startedAt.toISOString(),
      status: 'running',
      clock: { source: 'CLOCK_MONOTONIC', startedAtMs: clock.now() },
      seed: scenario.seed,
      trialSettings: scenario.trials,
      cases: this.#cases,
      plan,
      objectives: scenario.objectives,
      emulatorCeilingBytesPerSecond: unavailable(
        isReal(scenario)
          ? 'not measured: no link is emulated'
          : options.profiling === undefined
            ? 'not measured: the run ended before'
            : 'not measured: the run was profiled',
      ),
      warnings: [],
    };
  }

  async complete(): Promise<RunOutcome> {
    const { scenario, observer, warnings = [], certificateFolder, clientPid, clock, signal, profiling } = this.#options;
    for (const { code, sentence } of warnings) this.#warn(code, sentence);
    // Said before anything takes time: a folder that cannot be written ends the run here.
    await this.#save({});
    try {
      observer.preparing(isReal(scenario) ? 'starting the sampler' : 'starting server, link emulator and sampler');
      const host = this.#hostFacts();
      // Waited for below; until then the lab may fail first.
      host.catch(() => {});
      const serverProcesses = Math.max(...scenario.cases.map(({ server }) => server.processes ?? 1));
      await using running = isReal(scenario)
        ? await RealLab.start({ clientPid, clock })
        : await Lab.start({
            certificateFolder,
            clientPid,
            clock,
            serverProcesses,
            ...(profiling?.launchServer === undefined ? {} : { launchServer: profiling.launchServer }),
          });
      await this.#save({ host: await host });
      using leases = new DisposableStack();
      await this.#prepareImages(running, leases);
      // Work that is not a restore's, and figures that a profiler would spoil.
      if (profiling === undefined && running instanceof Lab) await this.#calibrate(running);
      await this.#startSampler(running);
      try {
        await this.#runTrials(running);
      } finally {
        const missing = await running.stopSampling();
        if (missing !== undefined) this.#warn('samples-incomplete', `USE samples are incomplete: ${missing}`);
      }
      signal.throwIfAborted();
      await this.#save({ status: 'completed', endedAt: new Date().toISOString() });
      return { directory: this.#directory, status: 'completed', trialsRun: this.#trialsRun };
    } catch (error) {
      const status = error instanceof InterruptedError ? 'interrupted' : 'failed';
      // The disk that is full may be the one of the records: the first cause is what the user must hear.
      await this.#save({ status, endedAt: new Date().toISOString(), error: recordError(error) }).catch(() => {});
      return { directory: this.#directory, status, trialsRun: this.#trialsRun, error };
    }
  }

  async #hostFacts(): Promise<HostFacts> {
    const { versions, cache, scenario } = this.#options;
    const targets = scenario.cases.flatMap(({ target }) => (target.kind === 'file' ? [dirname(target.path)] : []));
    return await hostFacts({ versions, folders: [...new Set([cache.folder, this.#directory.path, ...targets])] });
  }

  async #save(changes: Partial<RunRecord>): Promise<void> {
    this.#record = { ...this.#record, ...changes, cases: this.#cases };
    await this.#directory.writeRun(this.#record);
  }

  #warn(code: string, sentence: string): void {
    if (this.#record.warnings.some((known) => known.sentence === sentence)) return;
    this.#record = { ...this.#record, warnings: [...this.#record.warnings, { code, sentence }] };
    this.#options.observer.warning({ code, sentence });
  }

  async #prepareImages(lab: Lab | RealLab, leases: DisposableStack): Promise<void> {
    const { scenario, signal } = this.#options;
    for (const settings of scenario.cases) {
      const key = imageKey(settings);
      let prepared = this.#images.get(key);
      if (prepared === undefined) {
        prepared = await this.#prepare(settings, lab, leases).catch((error: unknown) => {
          // A thing that is not there, a server that cannot be used or a full disk stops the run.
          if (signal.aborted || !isDamage(error)) throw error;
          return { unusable: error };
        });
        this.#images.set(key, prepared);
      }
      if ('unusable' in prepared) continue;
      for (const warning of prepared.warnings) this.#warn('image', warning);
      this.#cases[settings.index] = {
        ...this.#caseRecord(settings.index),
        image: prepared.facts,
        ...('serverFacts' in prepared ? { server: prepared.serverFacts } : {}),
      };
    }
    await this.#save({});
  }

  async #prepare(
    settings: CaseSettings,
    lab: Lab | RealLab,
    leases: DisposableStack,
  ): Promise<PreparedImage | PreparedRealImage> {
    const { cache, observer, signal, keys, openRealServer } = this.#options;
    const onProgress = (what: string, doneBytes: number, totalBytes: number): void =>
      observer.preparing(what, { doneBytes, totalBytes });
    const keyed = keys === undefined ? {} : { keys };
    if (lab instanceof Lab) return await prepareImage(settings, { lab, cache, leases, ...keyed, signal, onProgress });
    if (settings.server.kind !== 'pbs' || openRealServer === undefined)
      throw new Error('there is nothing to open a real server with');
    observer.preparing('opening the server');
    return await prepareRealImage(settings, settings.server, { lab, open: openRealServer, signal, onProgress });
  }

  /** Asks the emulator what it really does, with every setting that the cases use. */
  async #calibrate(lab: Lab): Promise<void> {
    const { scenario, observer, clock, signal } = this.#options;
    const { ceiling, links } = await calibrateCases(scenario.cases, { relay: lab.relay, clock, signal, observer });
    for (const [index, link] of links.entries()) this.#cases[index] = { ...this.#caseRecord(index), link };
    await this.#save({ emulatorCeilingBytesPerSecond: ceiling });
  }

  async #startSampler(lab: Lab | RealLab): Promise<void> {
    if (!this.#options.scenario.trials.recording) return;
    try {
      await lab.startSampling(this.#directory.samplesFile);
    } catch (error) {
      this.#warn(
        'sampler-missing',
        `USE samples are missing: the sampler could not start (${(error as Error).message})`,
      );
    }
  }

  async #runTrials(lab: Lab | RealLab): Promise<void> {
    const { scenario, plan, observer, clock, signal, profiling } = this.#options;
    await using _watching = lab instanceof Lab ? await profiling?.watch?.(lab) : undefined;
    const startedAtMs = clock.now();
    const isWithinBudget = timeBudget(plan, scenario.trials.timeBudgetMs);
    let leftOut = 0;
    for (const planned of plan) {
      if (!isWithinBudget(planned, clock.now() - startedAtMs)) {
        leftOut += 1;
        continue;
      }
      const record = await this.#runPlanned(planned, lab);
      await this.#directory.writeTrial(record);
      if (record.status !== 'interrupted') this.#trialsRun += 1;
      observer.trialEnded(record);
      signal.throwIfAborted();
      await lab.reviveServers();
    }
    if (leftOut > 0) {
      this.#warn(
        'time-budget',
        `the time budget of the trials was used up: ${leftOut} of ${plan.length} trials were not run`,
      );
    }
  }

  async #runPlanned(planned: PlannedTrial, lab: Lab | RealLab): Promise<TrialRecord> {
    const { scenario, observer, clock, signal, clientPid } = this.#options;
    const settings = scenario.cases[planned.case];
    const prepared = settings === undefined ? undefined : this.#images.get(imageKey(settings));
    if (settings === undefined || prepared === undefined)
      throw new Error(`the plan names case ${planned.case}, which the scenario does not have`);
    observer.trialStarted(planned);
    if ('unusable' in prepared) {
      return {
        ...planned,
        formatVersion: recordFormatVersion,
        status: 'failed',
        error: recordError(prepared.unusable),
      };
    }
    const basics: TrialBasics = {
      planned,
      settings,
      trialSettings: scenario.trials,
      clientPid,
      clock,
      signal,
      findStrategy: this.#options.findStrategy ?? findStrategy,
      onProgress: (doneBytes) => observer.trialProgress(planned, doneBytes, prepared.facts.sizeBytes),
    };
    const { server } = settings;
    if (lab instanceof Lab && 'mounted' in prepared) return await runTrial({ ...basics, prepared, lab });
    if (lab instanceof RealLab && 'serverFacts' in prepared && server.kind === 'pbs')
      return await runRealTrial({ ...basics, prepared, lab, server });
    throw new Error('an image was prepared for another kind of server');
  }

  #caseRecord(index: number): CaseRecord {
    const found = this.#cases[index];
    if (found === undefined) throw new Error(`no case ${index}`);
    return found;
  }
}
