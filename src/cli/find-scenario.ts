import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
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
  return await readScenarioFile(await scenarioPath(name, cwd));
}

/** The file that a scenario's name or path means. */
export async function scenarioPath(name: string, cwd: string): Promise<string> {
  const path = resolve(cwd, name);
  if (existsSync(path) || isAbsolute(name) || name.includes('/')) return path;
  const stem = name.replace(/\.yaml$/u, '');
  return (await shippedScenarios()).includes(stem) ? join(fileURLToPath(shipped.scenarios), `${stem}.yaml`) : path;
}
