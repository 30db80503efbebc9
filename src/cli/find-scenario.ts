import { readdir, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ScenarioError } from '../model/errors.ts';
import { readScenarioFile, type Scenario } from '../scenario/load-scenario.ts';
import { nearestName } from '../scenario/nearest-name.ts';
import { shipped } from './tool.ts';

/** Names of the scenarios that come with the program, sorted. */
export async function shippedScenarios(): Promise<readonly string[]> {
  const names = await readdir(shipped.scenarios);
  return names
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.slice(0, -'.yaml'.length))
    .toSorted();
}

/**
 * Reads a scenario by path, or by the name of a shipped one where no such file is there.
 * @throws ScenarioError when it is wrong or not there
 */
export async function findScenario(name: string, cwd: string): Promise<Scenario> {
  const path = await scenarioPath(name, cwd);
  try {
    return await readScenarioFile(path, { shownAs: shownPath(path, cwd) });
  } catch (error) {
    if (!(error instanceof ScenarioError) || error.code !== 'scenario-not-found' || isPath(name)) throw error;
    const meant = nearestName(stemOf(name), await shippedScenarios());
    if (meant === undefined) throw error;
    const hint = `did you mean ${meant}? \`restorelab scenario list\` names those that come with restorelab`;
    throw new ScenarioError(error.message, error.problems, { code: error.code, hint, cause: error });
  }
}

/** As short as it is clear: a shipped scenario by its place in the package, others as seen from here. */
function shownPath(path: string, cwd: string): string {
  const fromShipped = relative(fileURLToPath(shipped.scenarios), path);
  const fromHere = relative(cwd, path);
  if (!fromHere.startsWith('..')) return fromHere === '' ? '.' : fromHere;
  return fromShipped.startsWith('..') ? path : join('scenarios', fromShipped);
}

/** The file that a scenario's name or path means. A folder that has the name of a shipped scenario is not meant. */
async function scenarioPath(name: string, cwd: string): Promise<string> {
  const path = resolve(cwd, name);
  const facts = await stat(path).catch(() => undefined);
  if (isPath(name) || (facts !== undefined && !facts.isDirectory())) return path;
  const stem = stemOf(name);
  return (await shippedScenarios()).includes(stem) ? join(fileURLToPath(shipped.scenarios), `${stem}.yaml`) : path;
}

const isPath = (name: string): boolean => isAbsolute(name) || name.includes('/');
const stemOf = (name: string): string => name.replace(/\.yaml$/u, '');
