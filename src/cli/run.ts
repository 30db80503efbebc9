import { resolve } from 'node:path';

import { z } from 'zod';

import { Cache } from '../cache/cache.ts';
import { placesFrom } from '../cache/places.ts';
import { monotonicClock } from '../clock/monotonic.ts';
import { checkPrograms } from '../harness/check-programs.ts';
import { runScenario, type RunOutcome } from '../harness/run-scenario.ts';
import { exitCodes, InterruptedError, type ExitCode } from '../model/errors.ts';
import type { PlannedTrial } from '../model/records.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import { planTrials } from '../scenario/plan.ts';
import { checkDatastores } from './check-datastores.ts';
import type { Command } from './command.ts';
import type { Edge } from './edge.ts';
import { exitCodeOf } from './exit-code-of-report.ts';
import { findScenario } from './find-scenario.ts';
import { narrowScenario, type NarrowedScenario } from './narrow-scenario.ts';
import { openRealServer } from './open-real-server.ts';
import { parseArgv } from './parse-argv.ts';
import { printError } from './print-error.ts';
import { readKeys } from './read-keys.ts';
import { describePlan } from './describe-plan.ts';
import { renderReports } from './render-reports.ts';
import { RunProgress } from './run-progress.ts';
import { tool } from './tool.ts';

export const runCommand: Command = {
  examples: [
    ['run scenarios/quickstart.yaml', 'Measure, print the table, write the reports'],
    ['run wan-25ms slow-disk', 'Scenarios that are shipped, by name'],
    ['run my.yaml --dry-run', 'Show what would be run'],
    ['run my.yaml --only sequential,window-ordered --repeats 10', 'Fewer strategies, more trials'],
    ['run my.yaml --json | jq .verdict.code', 'The report for programs'],
  ],
  positionals: {
    file: {
      type: 'string',
      array: true,
      describe: 'Scenario files, or names of shipped scenarios',
      demandOption: true,
    },
  },
  options: {
    'dry-run': { type: 'boolean', default: false, describe: 'Check the scenario and print the plan; run nothing' },
    repeats: { type: 'number', describe: 'Measured trials of each strategy, instead of what the scenario says' },
    only: { type: 'string', describe: 'Strategies to run, by label, separated by commas' },
    out: { type: 'string', default: 'reports', describe: 'Folder in which the run directory is made' },
    json: { type: 'boolean', default: false, describe: 'Print report.json and nothing else on stdout' },
  },
  async run(argv, edge): Promise<ExitCode> {
    const options = parseArgv(argv, {
      file: z.array(z.string()).min(1),
      'dry-run': z.boolean(),
      repeats: z
        .int('must be a whole number')
        .min(1, 'must be 1 or more')
        .max(10_000, 'must be 10000 or less')
        .optional(),
      only: z.string('can be given once; separate labels by commas').optional(),
      out: z.string('can be given once'),
      json: z.boolean(),
    });
    // Every file is checked before anything runs.
    const prepared: PreparedRun[] = [];
    for (const name of options.file) {
      const only = options.only?.split(',').map((word) => word.trim());
      const narrowed = narrowScenario(await findScenario(name, edge.cwd), { repeats: options.repeats, only });
      await checkDatastores(narrowed.scenario);
      await checkPrograms(narrowed.scenario);
      const keys = await readKeys(narrowed.scenario, edge);
      prepared.push({ ...narrowed, keys, plan: planTrials(narrowed.scenario) });
    }
    if (options['dry-run']) {
      for (const { scenario, plan, warnings } of prepared) {
        edge.stdout.write(describePlan(scenario, plan));
        for (const { sentence } of warnings) edge.stderr.write(`warning: ${sentence}\n`);
      }
      return exitCodes.fine;
    }
    const stdout = options.json ? (prepared.length > 1 ? 'json-line' : 'json') : 'table';
    const results: ExitCode[] = [];
    for (const run of prepared) {
      results.push(await runOne(run, resolve(edge.cwd, options.out), edge, stdout));
      if (edge.interrupted.aborted) break;
    }
    return worstOf(results);
  },
};

interface PreparedRun extends NarrowedScenario {
  readonly keys: ReadonlyMap<string, CryptConfig>;
  readonly plan: readonly PlannedTrial[];
}

async function runOne(
  { scenario, plan, warnings, keys }: PreparedRun,
  out: string,
  edge: Edge,
  stdout: 'table' | 'json' | 'json-line',
): Promise<ExitCode> {
  const places = placesFrom(edge.env, edge.home);
  const clock = monotonicClock();
  let outcome: RunOutcome;
  {
    using progress = new RunProgress({ scenario, plan, edge, clock });
    outcome = await runScenario({
      scenario,
      plan,
      warnings,
      keys,
      out,
      cache: new Cache(places.cache),
      certificateFolder: resolve(places.state, 'certificate'),
      clientPid: edge.pid,
      clock,
      tool: { ...tool, node: `v${edge.versions['node'] ?? 'unknown'}` },
      versions: edge.versions,
      observer: progress,
      signal: edge.interrupted,
      openRealServer: openRealServer(edge),
    });
  }
  const failed = outcome.status === 'failed' ? printError(outcome.error, edge) : undefined;
  if (stdout === 'table' && outcome.error !== undefined && outcome.trialsRun === 0) {
    // A table of unknowns would say nothing.
    edge.stderr.write(`No trial was run; what there is of the run is in ${outcome.directory.path}\n`);
    return failed ?? (outcome.error instanceof InterruptedError ? outcome.error.exitCode : exitCodes.internal);
  }
  const report = await renderReports(outcome.directory.path, edge, { stdout });
  edge.stderr.write(`\nReports: ${outcome.directory.path}\n`);
  if (failed !== undefined) return failed;
  if (outcome.error instanceof InterruptedError) {
    edge.stderr.write(
      `Interrupted: what was measured is saved; \`restorelab report ${outcome.directory.path}\` shows it again.\n`,
    );
    return outcome.error.exitCode;
  }
  return exitCodeOf(report);
}

/** Of several runs: an interruption, else the first of 5, 4, 3, 1 in that order (docs/exit-codes.md). */
function worstOf(results: readonly ExitCode[]): ExitCode {
  const order: readonly ExitCode[] = [
    exitCodes.terminated,
    exitCodes.interrupted,
    exitCodes.internal,
    exitCodes.machine,
    exitCodes.server,
    exitCodes.trials,
    exitCodes.usage,
    exitCodes.failed,
  ];
  return order.find((code) => results.includes(code)) ?? exitCodes.fine;
}
