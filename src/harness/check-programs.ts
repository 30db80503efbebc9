import { access } from 'node:fs/promises';
import { dirname } from 'node:path';

import type { StrategySettings } from '../model/environment.ts';
import { UsageError } from '../model/errors.ts';
import { findCommand } from '../process/find-command.ts';
import type { Scenario } from '../scenario/load-scenario.ts';

/**
 * Looks for the programs that a scenario names, and that their output would be new, before anything runs.
 * @throws UsageError `program-not-found`, `target-exists`, `target-folder-missing`
 */
export async function checkPrograms({ cases }: Pick<Scenario, 'cases'>): Promise<void> {
  for (const { strategies } of cases) for (const strategy of strategies) await checkProgram(strategy);
}

async function checkProgram({ label, external }: StrategySettings): Promise<void> {
  if (external === undefined) return;
  const { command, cleanup, output } = external;
  for (const template of [command, ...(cleanup === undefined ? [] : [cleanup])]) {
    const program = template.flat()[0] ?? '';
    if ((await findCommand(program)) !== undefined) continue;
    const isPreset = external.preset !== undefined && template === command;
    throw new UsageError(`the program ${program} of ${label} is not on this machine`, {
      code: 'program-not-found',
      hint: `install it, ${isPreset ? 'give its path as `program`' : 'give its path'}, or leave the strategy out with --only`,
    });
  }
  if (output.kind !== 'file') return;
  if (await exists(output.path)) {
    throw new UsageError(`the output ${output.path} of ${label} exists already`, {
      code: 'target-exists',
      hint: 'restores only write new files: name another path, or remove it',
    });
  }
  if (!(await exists(dirname(output.path)))) {
    throw new UsageError(`the folder of the output ${output.path} of ${label} does not exist`, {
      code: 'target-folder-missing',
      hint: 'make the folder first, or name another path',
    });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
