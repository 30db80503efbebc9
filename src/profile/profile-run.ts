import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { RunDirectory, runFiles } from '../harness/run-directory.ts';
import { runScenario, type Profiling, type RunOptions } from '../harness/run-scenario.ts';
import { InterruptedError } from '../model/errors.ts';
import { profileFormatVersion, type ProfiledProcess, type ProfileRecord } from '../model/profile.ts';
import { CpuProfiler, type ThreadProfile } from '../process/cpu-profiler.ts';
import { LaunchingScript, runScript, type ProgramOptions } from '../process/run-program.ts';
import { findProgram, type InstalledProgram } from './installed-program.ts';
import { presentThreadProfiles } from './inspector.ts';
import type { ProgramTool, ToolFindings } from './profile-tool.ts';
import { profileTools, type ProfileToolName } from './profile-tools.ts';
import { runClientUnder } from './run-client-under.ts';

export interface ProfileOptions extends RunOptions {
  readonly toolName: ProfileToolName;
  readonly process: ProfiledProcess;
}

export interface ProfileOutcome {
  /** Of the run; its folder `profile` holds what the tool found. */
  readonly directory: RunDirectory;
  readonly trialsRun: number;
  /** What stopped the run or the tool, if something did. */
  readonly error?: unknown;
}

/** Folder of everything that a profiler writes, in the run directory. */
const PROFILE_FOLDER = 'profile';

/** Of the tool itself, of no use after it. */
const CONFIGURATION_FOLDER = 'configuration';

/** Keeps clinic from calling home, asking questions, and leaving files in the home of the user. */
const quietVariables = (folder: string): Readonly<Record<string, string>> => ({
  NO_INSIGHT: '1',
  NO_UPDATE_NOTIFIER: '1',
  XDG_CONFIG_HOME: join(folder, CONFIGURATION_FOLDER),
});

/**
 * Runs a scenario of one case and one strategy while a tool profiles the client or the embedded server, and records
 * what it found. Whatever goes wrong once the run directory is made is in the outcome.
 * @throws MachineError when the tool is not installed or the run directory cannot be made
 */
export async function profileRun(options: ProfileOptions): Promise<ProfileOutcome> {
  const { toolName, out, scenario } = options;
  const tool = profileTools[toolName];
  const program = tool.kind === 'program' ? findProgram(tool) : undefined;
  const directory = await RunDirectory.create(out, scenario.name, new Date());
  await mkdir(join(directory.path, PROFILE_FOLDER));
  const run = new ProfiledRun(options, directory);
  return tool.kind === 'inspector' || program === undefined
    ? await run.inspect(`v${options.versions['node'] ?? 'unknown'}`)
    : await run.runProgram(tool, program);
}

class ProfiledRun {
  readonly #options: ProfileOptions;
  readonly #directory: RunDirectory;

  constructor(options: ProfileOptions, directory: RunDirectory) {
    this.#options = options;
    this.#directory = directory;
  }

  async inspect(version: string): Promise<ProfileOutcome> {
    let profiles: readonly ThreadProfile[] = [];
    const watch: Profiling['watch'] =
      this.#options.process === 'client'
        ? async () => {
            const profiler = await CpuProfiler.start();
            return {
              [Symbol.asyncDispose]: async () => {
                profiles = await profiler.stop();
              },
            };
          }
        : async ({ servers }) => {
            const [server] = servers.inUse;
            await server?.call('startProfile');
            return {
              [Symbol.asyncDispose]: async () => {
                // A server that died took its profile with it; the trial says so.
                profiles = (await server?.call('stopProfile').catch(() => [])) ?? [];
              },
            };
          };
    const { trialsRun, error } = await this.#runHere({ watch });
    const findings = await presentThreadProfiles(
      profiles,
      async (name, text) => await this.#directory.write(join(PROFILE_FOLDER, name), text),
    );
    return await this.#record(version, findings, trialsRun, error);
  }

  async runProgram(tool: ProgramTool, { script, version }: InstalledProgram): Promise<ProfileOutcome> {
    const { toolName, observer, signal } = this.#options;
    const folder = join(this.#directory.path, PROFILE_FOLDER);
    const program: ProgramOptions = { name: toolName, cwd: folder, variables: quietVariables(folder) };
    const started = new LaunchingScript([script, ...tool.collect], program);
    let trialsRun = 0;
    let findings: ToolFindings;
    try {
      const ended =
        this.#options.process === 'client'
          ? await runClientUnder(started.launch, this.#directory.path, this.#options)
          : await this.#runHere({ launchServer: started.launch });
      ({ trialsRun } = ended);
      if (ended.error !== undefined) throw ended.error;
      started.assertEndedWell();
      observer.preparing(`${toolName} is making its page`);
      findings = await tool.present({
        folder,
        runProgram: async (args) => await runScript([script, ...args], program, signal),
      });
      await keepOnly(folder, findings);
    } catch (error) {
      const cause = signal.aborted && signal.reason instanceof InterruptedError ? signal.reason : error;
      return await this.#record(version, await leftovers(folder, cause), trialsRun, cause);
    }
    return await this.#record(version, findings, trialsRun);
  }

  async #runHere(
    hooks: Omit<Profiling, 'directory'>,
  ): Promise<{ readonly trialsRun: number; readonly error?: unknown }> {
    return await runScenario({ ...this.#options, profiling: { directory: this.#directory, ...hooks } });
  }

  async #record(
    version: string,
    { files, ...findings }: ToolFindings,
    trialsRun: number,
    error?: unknown,
  ): Promise<ProfileOutcome> {
    const { toolName, process, scenario } = this.#options;
    const record: ProfileRecord = {
      formatVersion: profileFormatVersion,
      tool: { name: toolName, version },
      process,
      strategy: scenario.cases[0].strategies[0]?.label ?? 'none',
      covers: profileTools[toolName].covers,
      files: files.map(({ path, what }) => ({ path: `${PROFILE_FOLDER}/${path}`, what })),
      ...findings,
    };
    await this.#directory.write(runFiles.profile, `${JSON.stringify(record, undefined, 2)}\n`);
    return { directory: this.#directory, trialsRun, ...(error === undefined ? {} : { error }) };
  }
}

/** Logs and samples are many megabytes for each second; what they say is in the pages. */
async function keepOnly(folder: string, { files }: ToolFindings): Promise<void> {
  const kept = new Set(files.map(({ path }) => path));
  const others = (await readdir(folder)).filter((name) => !kept.has(name));
  await Promise.all(others.map(async (name) => await rm(join(folder, name), { recursive: true })));
}

/** What there is of a profile that was not finished. */
async function leftovers(folder: string, error: unknown): Promise<ToolFindings> {
  await rm(join(folder, CONFIGURATION_FOLDER), { recursive: true, force: true });
  const names = await readdir(folder);
  const why = error instanceof InterruptedError ? 'the profile was interrupted' : 'the profiler failed';
  return {
    files: names.toSorted().map((path) => ({ path, what: 'collected until then, not converted' })),
    hotFunctions: { unavailable: `not sampled: ${why}` },
  };
}
