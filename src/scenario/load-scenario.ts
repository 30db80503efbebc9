import { hash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';

import type {
  CaseSettings,
  ServerSettings,
  StrategySettings,
  TargetSettings,
  TrialSettings,
} from '../model/environment.ts';
import { asMachineError, systemErrorCode, type ScenarioError, type ScenarioProblem } from '../model/errors.ts';
import type { Objective } from '../model/objective.ts';
import { formatBytes } from '../model/units.ts';
import { checkScenario } from './check-scenario.ts';
import { nearestName } from './nearest-name.ts';
import { scenarioError } from './problem-text.ts';
import { ScenarioSource } from './scenario-source.ts';
import type { ParsedScenario } from './schema.ts';

/** A scenario is written by hand; a larger file is another file given by mistake. */
export const MAX_SCENARIO_BYTES: number = 1024 ** 2;

/** A valid scenario: its matrix expanded, all values in base units. */
export interface Scenario {
  readonly name: string;
  readonly description?: string;
  readonly source?: string;
  /** As given by the user. */
  readonly file: string;
  readonly text: string;
  /** Of the text in UTF-8, 64 hex digits. */
  readonly sha256: string;
  /** The order of trials is shuffled with it. */
  readonly seed: string;
  readonly trials: TrialSettings;
  /** At least one. */
  readonly cases: readonly [CaseSettings, ...CaseSettings[]];
  readonly objectives: readonly Objective[];
  /** The file's content as written, human units and all. */
  readonly sections: Readonly<Record<string, unknown>>;
}

/**
 * Reads a scenario file. Relative paths in it are relative to its folder; `shownAs` is what messages and records call
 * the file.
 * @throws ScenarioError (exit 2) when it is not there, not a text file of at most {@link MAX_SCENARIO_BYTES}, or wrong
 * @throws MachineError (exit 5) when it cannot be read
 */
export async function readScenarioFile(
  path: string,
  { shownAs: file = path }: { readonly shownAs?: string } = {},
): Promise<Scenario> {
  let bytes: Buffer;
  try {
    const facts = await stat(path);
    if (facts.isDirectory())
      throw whole(file, 'this is a folder, not a scenario file', 'scenario-is-a-folder', 'name a .yaml file in it');
    if (!facts.isFile())
      throw whole(file, 'this is not a regular file', 'scenario-not-a-file', 'write the scenario to a .yaml file');
    if (facts.size > MAX_SCENARIO_BYTES) {
      const size = `${formatBytes(facts.size)}; a scenario has at most ${formatBytes(MAX_SCENARIO_BYTES)}`;
      throw whole(
        file,
        `the file is too large: ${size}`,
        'scenario-too-large',
        'check that this is the file that you meant',
      );
    }
    bytes = await readFile(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw whole(file, 'there is no such file', 'scenario-not-found', await nearbyFiles(path));
    throw asMachineError(error, `reading the scenario ${file}`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw notText(file);
  }
  return loadScenario(text, { file, folder: dirname(resolve(path)) });
}

/**
 * Checks the text of a scenario and expands its matrix; `folder` (absolute) is what paths in it are relative to.
 * @throws ScenarioError (exit 2) that lists everything wrong with it, with line and column
 */
export function loadScenario(
  text: string,
  { file, folder }: { readonly file: string; readonly folder: string },
): Scenario {
  if (text.includes('\0')) throw notText(file);
  if (text.trim() === '')
    throw whole(
      file,
      'the file is empty',
      'scenario-empty',
      'begin with one of the scenarios that come with restorelab',
    );
  const source = new ScenarioSource(text, file);
  if (source.problems.length > 0) throw scenarioError(source.problems, 'scenario-not-yaml');
  const checked = checkScenario(source);
  if ('problems' in checked) throw scenarioError(checked.problems, 'scenario-invalid');
  const { parsed, objectives } = checked;
  const [first, ...others] = parsed.map(({ values, combination }, index) => {
    const settings = { index, ...settingsOf(values, folder) };
    const parameters = Object.assign(
      {},
      ...combination.map(({ axis }) => axis.parametersOf(settings)),
    ) as CaseSettings['parameters'];
    return { ...settings, parameters };
  });
  const [{ values } = { values: undefined }] = parsed;
  if (first === undefined || values === undefined) throw new Error('a scenario without a case passed its check');
  return {
    name: values.name,
    ...(values.description === undefined ? {} : { description: values.description.trim() }),
    ...(values.source === undefined ? {} : { source: values.source.trim() }),
    file,
    text,
    sha256: hash('sha256', text),
    seed: values.seed,
    trials: values.trials,
    cases: [first, ...others],
    objectives,
    sections: source.values,
  };
}

function settingsOf(
  { server, link, transport, storage, image, history, target, strategies }: ParsedScenario,
  folder: string,
): Omit<CaseSettings, 'index' | 'parameters'> {
  const absoluteServer = withAbsolutePaths(server, folder);
  const absoluteTarget: TargetSettings =
    target.kind === 'file' ? { ...target, path: resolve(folder, target.path) } : target;
  return {
    server: absoluteServer,
    link,
    transport,
    storage,
    image,
    history,
    target: absoluteTarget,
    strategies: strategies.map((strategy) => withinLimits(inFolder(strategy, folder), server)),
  };
}

/** A program of the scenario's folder runs there, wherever restorelab was started. */
function inFolder(strategy: StrategySettings, folder: string): StrategySettings {
  if (strategy.external === undefined) return strategy;
  const { command, output } = strategy.external;
  const [program, ...rest] = command;
  const isPath = typeof program === 'string' && program.includes('/');
  return {
    ...strategy,
    external: {
      ...strategy.external,
      command: isPath ? [resolve(folder, program), ...rest] : command,
      output: output.kind === 'file' ? { ...output, path: resolve(folder, output.path) } : output,
      folder,
    },
  };
}

function withAbsolutePaths(server: ServerSettings, folder: string): ServerSettings {
  if (!('snapshot' in server)) return server;
  const key = server.keyFile === undefined ? {} : { keyFile: resolve(folder, server.keyFile) };
  return 'datastore' in server
    ? { ...server, ...key, datastore: resolve(folder, server.datastore) }
    : { ...server, ...key };
}

/** What a strategy would ask of a real server by itself is cut down to what it may; what was written is within already. */
function withinLimits(strategy: StrategySettings, server: ServerSettings): StrategySettings {
  if (server.kind !== 'pbs' || strategy.external !== undefined) return strategy;
  const { inFlight, connections, ...knobs } = strategy.knobs;
  const { maxInFlight } = server;
  return {
    ...strategy,
    knobs: { ...knobs, inFlight: Math.min(inFlight, maxInFlight), connections: Math.min(connections, maxInFlight) },
  };
}

function whole(file: string, message: string, code: string, hint: string): ScenarioError {
  const problem: ScenarioProblem = { file, message };
  return scenarioError([problem], code, hint);
}

function notText(file: string): ScenarioError {
  return whole(file, 'this is not a text file (UTF-8)', 'scenario-not-text', 'a scenario is written in YAML');
}

async function nearbyFiles(path: string): Promise<string> {
  const names = await readdir(dirname(path)).catch(() => []);
  const nearest = nearestName(
    basename(path),
    names.filter((name) => /\.ya?ml$/u.test(name)),
  );
  return nearest === undefined
    ? 'check the path; `restorelab scenario list` names those that come with restorelab'
    : `did you mean ${nearest}?`;
}
