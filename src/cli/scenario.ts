import { readFile } from 'node:fs/promises';

import { z } from 'zod';

import { exitCodes, KnownError, UsageError, type ExitCode } from '../model/errors.ts';
import { formatTable } from '../ui/table.ts';
import { checkDatastores } from './check-datastores.ts';
import type { Command } from './command.ts';
import { describePlan } from './describe-plan.ts';
import type { Edge } from './edge.ts';
import { findScenario, shippedScenarios } from './find-scenario.ts';
import { parseArgv } from './parse-argv.ts';
import { printError } from './print-error.ts';
import { shipped } from './tool.ts';
import { planTrials } from '../scenario/plan.ts';

const actions = {
  list: listScenarios,
  validate: validateScenarios,
  schema: printSchema,
  show: showScenario,
} as const;
type Action = keyof typeof actions;
const actionNames = Object.keys(actions) as [Action, ...Action[]];

export const scenarioCommand: Command = {
  examples: [
    ['scenario list', 'The scenarios that come with restorelab, and what each shows'],
    ['scenario validate my.yaml', 'Check files; every problem with line and column'],
    ['scenario show wan-25ms', 'A scenario as written, and the trials that it means'],
    ['scenario schema > scenario.schema.json', 'For editors'],
  ],
  positionals: {
    action: { choices: actionNames, describe: 'What to do', demandOption: true },
    file: { type: 'string', array: true, default: [], describe: 'Scenario files, or names of shipped scenarios' },
  },
  options: {},
  async run(argv, edge): Promise<ExitCode> {
    const { action, file } = parseArgv(argv, { action: z.enum(actionNames), file: z.array(z.string()) });
    return await actions[action](file, edge);
  },
};

async function listScenarios(_files: readonly string[], edge: Edge): Promise<ExitCode> {
  const rows: string[][] = [];
  for (const name of await shippedScenarios()) {
    const { description } = await findScenario(name, edge.cwd);
    rows.push([name, firstSentence(description ?? '')]);
  }
  const { columns } = edge.stdout;
  edge.stdout.write(formatTable(rows, columns === undefined ? {} : { width: columns }));
  return exitCodes.fine;
}

const firstSentence = (text: string): string =>
  /^.*?[.?](?=\s|$)/su.exec(text.trim())?.[0].replaceAll(/\s+/gu, ' ') ?? text.trim();

async function validateScenarios(files: readonly string[], edge: Edge): Promise<ExitCode> {
  needFiles(files, 'validate');
  let result: ExitCode = exitCodes.fine;
  for (const file of files) {
    try {
      const scenario = await findScenario(file, edge.cwd);
      await checkDatastores(scenario);
      const { cases } = scenario;
      edge.stdout.write(`${file}: valid, ${cases.length} ${cases.length === 1 ? 'case' : 'cases'}\n`);
    } catch (error) {
      if (!(error instanceof KnownError)) throw error;
      result = printError(error, edge);
    }
  }
  return result;
}

async function printSchema(_files: readonly string[], edge: Edge): Promise<ExitCode> {
  edge.stdout.write(await readFile(new URL('scenario.schema.json', shipped.schemas), 'utf8'));
  return exitCodes.fine;
}

async function showScenario(files: readonly string[], edge: Edge): Promise<ExitCode> {
  needFiles(files, 'show');
  for (const file of files) {
    const scenario = await findScenario(file, edge.cwd);
    edge.stdout.write(`# ${scenario.file}\n${scenario.text.trimEnd()}\n\n`);
    edge.stdout.write(describePlan(scenario, planTrials(scenario)));
  }
  return exitCodes.fine;
}

function needFiles(files: readonly string[], action: Action): void {
  if (files.length > 0) return;
  throw new UsageError(`scenario ${action}: a file is missing`, {
    code: 'usage',
    hint: `e.g. \`restorelab scenario ${action} quickstart\``,
  });
}
