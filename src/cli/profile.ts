import { resolve } from 'node:path';

import { z } from 'zod';

import { Cache } from '../cache/cache.ts';
import { placesFrom } from '../cache/places.ts';
import { monotonicClock } from '../clock/monotonic.ts';
import { exitCodes, InterruptedError, UsageError, type ExitCode } from '../model/errors.ts';
import { profiledProcesses } from '../model/profile.ts';
import { profileRun, type ProfileOptions, type ProfileOutcome } from '../profile/profile-run.ts';
import { profileToolNames, profileTools } from '../profile/profile-tools.ts';
import { planTrials } from '../scenario/plan.ts';
import { checkDatastores } from './check-datastores.ts';
import { chooseRestore } from './choose-restore.ts';
import type { Command } from './command.ts';
import type { Edge } from './edge.ts';
import { exitCodeOf } from './exit-code-of-report.ts';
import { findScenario } from './find-scenario.ts';
import { parseArgv } from './parse-argv.ts';
import { printError } from './print-error.ts';
import { readKeys } from './read-keys.ts';
import { renderReports } from './render-reports.ts';
import { RunProgress } from './run-progress.ts';
import { tool } from './tool.ts';

const once = 'can be given once';

export const profileCommand: Command = {
  examples: [
    ['profile scenarios/quickstart.yaml', 'The client, by the inspector: the hottest functions of every thread'],
    ['profile quickstart --with 0x --strategy window-unordered', 'A flame graph; 0x must be installed'],
    ['profile my.yaml --with clinic-doctor --process server --repeats 20', 'The server, for longer'],
  ],
  positionals: {
    file: { type: 'string', describe: 'Scenario file, or name of a shipped scenario', demandOption: true },
  },
  options: {
    with: {
      choices: profileToolNames,
      default: 'inspector',
      describe: `What profiles: ${profileToolNames.map((name) => `${name} (${profileTools[name].summary})`).join(', ')}`,
    },
    process: { choices: profiledProcesses, default: 'client', describe: 'Which process is profiled' },
    strategy: { type: 'string', describe: 'Label of the strategy; the first one of the scenario unless given' },
    case: { type: 'number', default: 1, describe: 'Which case of a matrix, as numbered by `run --dry-run`' },
    repeats: { type: 'number', describe: 'Restores to profile, after the warm-up, instead of what the scenario says' },
    out: { type: 'string', default: 'reports', describe: 'Folder in which the run directory is made' },
  },
  async run(argv, edge): Promise<ExitCode> {
    const options = parseArgv(argv, {
      file: z.string(once),
      with: z.enum(profileToolNames, once),
      process: z.enum(profiledProcesses, once),
      strategy: z.string(once).optional(),
      case: z.int('must be a whole number').min(1, 'must be 1 or more'),
      repeats: z
        .int('must be a whole number')
        .min(1, 'must be 1 or more')
        .max(10_000, 'must be 10000 or less')
        .optional(),
      out: z.string(once),
    });
    const scenario = chooseRestore(await findScenario(options.file, edge.cwd), options);
    const { knobs, external } = scenario.cases[0].strategies[0];
    if (external !== undefined) {
      throw new UsageError('another program cannot be profiled from here', {
        code: 'profiler-unsuitable',
        hint: 'choose a strategy of restorelab with --strategy',
      });
    }
    const chosen = profileTools[options.with];
    const refusal = chosen.kind === 'program' && options.process === 'client' ? chosen.refuses?.(knobs) : undefined;
    if (refusal !== undefined) {
      throw new UsageError(refusal.reason, { code: 'profiler-unsuitable', hint: refusal.fix });
    }
    await checkDatastores(scenario);
    const keys = await readKeys(scenario, edge);
    const plan = planTrials(scenario);
    const places = placesFrom(edge.env, edge.home);
    const clock = monotonicClock();
    let outcome: ProfileOutcome;
    {
      using progress = new RunProgress({ scenario, plan, edge, clock });
      const profiled: ProfileOptions = {
        toolName: options.with,
        process: options.process,
        scenario,
        plan,
        keys,
        warnings: [
          {
            code: 'profiled',
            sentence: `${options.with} ran inside of the ${options.process}: rates, CPU figures and the verdict of this run are not comparable with those of other runs.`,
          },
        ],
        out: resolve(edge.cwd, options.out),
        cache: new Cache(places.cache),
        certificateFolder: resolve(places.state, 'certificate'),
        clientPid: edge.pid,
        clock,
        tool: { ...tool, node: `v${edge.versions['node'] ?? 'unknown'}` },
        versions: edge.versions,
        observer: progress,
        signal: edge.interrupted,
      };
      outcome = await profileRun(profiled);
    }
    return await showProfile(outcome, edge);
  },
};

/** The reports of what there is, and what ended it early, if something did. */
async function showProfile({ directory, trialsRun, error }: ProfileOutcome, edge: Edge): Promise<ExitCode> {
  const isInterrupted = error instanceof InterruptedError;
  const failed = error === undefined || isInterrupted ? undefined : printError(error, edge);
  if (trialsRun > 0) {
    const report = await renderReports(directory.path, edge, { stdout: 'table' });
    edge.stderr.write(`\nReports and profile: ${directory.path}\n`);
    if (error === undefined) return exitCodeOf(report);
  } else edge.stderr.write(`No trial was run; what there is of the profile is in ${directory.path}\n`);
  if (isInterrupted) edge.stderr.write('Interrupted: what was collected until then is saved.\n');
  return isInterrupted ? error.exitCode : (failed ?? exitCodes.internal);
}
