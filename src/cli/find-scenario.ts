import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { readScenarioFile, type Scenario } from '../scenario/load-scenario.ts';
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
  return await readScenarioFile(path, { shownAs: shownPath(path, cwd) });
}

/** As short as it is clear: a shipped scenario by its place in the package, others as seen from here. */
export function shownPath(path: string, cwd: string): string {
  const fromShipped = relative(fileURLToPath(shipped.scenarios), path);
  const fromHere = relative(cwd, path);
  if (!fromHere.startsWith('..')) return fromHere;
  return fromShipped.startsWith('..') ? path : join('scenarios', fromShipped);
}

/** The file that a scenario's name or path means. */
export async function scenarioPath(name: string, cwd: string): Promise<string> {
  const path = resolve(cwd, name);
  if (existsSync(path) || isAbsolute(name) || name.includes('/')) return path;
  const stem = name.replace(/\.yaml$/u, '');
  return (await shippedScenarios()).includes(stem) ? join(fileURLToPath(shipped.scenarios), `${stem}.yaml`) : path;
}
