import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { z } from 'zod';

import { MachineError } from '../model/errors.ts';
import type { ProgramTool } from './profile-tool.ts';

/** A package that is there, and the script that is its command. */
export interface InstalledProgram {
  readonly script: string;
  readonly version: string;
}

const packageShape = z.object({ version: z.string(), bin: z.union([z.string(), z.record(z.string(), z.string())]) });

/**
 * Looks for the package of a tool where Node looks for those of this program; nothing of it is loaded here.
 * @throws MachineError `profiler-not-installed` when it is not there, `profiler-version` when it is not the one known
 */
export function findProgram(
  { packageName, major }: Pick<ProgramTool, 'packageName' | 'major'>,
  from: string | URL = import.meta.url,
): InstalledProgram {
  const install = `npm install --no-save ${packageName}@${major}`;
  let file: string;
  try {
    file = createRequire(from).resolve(`${packageName}/package.json`);
  } catch (error) {
    throw new MachineError(`${packageName} is not installed; it is optional, and only profiles need it`, {
      code: 'profiler-not-installed',
      hint: `run \`${install}\` in the folder of restorelab, or use --with inspector, which needs nothing more`,
      cause: error,
    });
  }
  const { version, bin } = packageShape.parse(JSON.parse(readFileSync(file, 'utf8')));
  if (Number(version.split('.')[0]) !== major) {
    throw new MachineError(`${packageName} ${version} is installed; this restorelab knows version ${major}`, {
      code: 'profiler-version',
      hint: `run \`${install}\` in the folder of restorelab`,
    });
  }
  const script = typeof bin === 'string' ? bin : Object.values(bin)[0];
  return { version, script: join(dirname(file), script ?? '') };
}
