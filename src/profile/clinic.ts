import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { MachineError } from '../model/errors.ts';
import type { CollectedRun, ProgramTool } from './profile-tool.ts';

/** What the three tools of clinic have in common. */
export const clinicPackage: Pick<ProgramTool, 'kind' | 'packageName' | 'major'> = {
  kind: 'program',
  packageName: 'clinic',
  major: 13,
};

/** Collects into the folder it runs in. */
export const collectArguments = (tool: string): readonly string[] => [
  tool,
  '--collect-only',
  '--open=false',
  '--dest',
  '.',
];

/** Every page of clinic fetches its fonts from there; without a network it says so in the console. */
const FONTS = 'https://clinicjs.org/assets/css/fonts.css';
const NO_FONTS = 'data:text/css,';

/** Has clinic make the page of what it collected. The page fetches nothing from elsewhere.
 * Returns names of data folder and page. */
export async function makePage(
  tool: string,
  { folder, runProgram }: CollectedRun,
): Promise<{ readonly data: string; readonly page: string }> {
  const suffix = `.clinic-${tool}`;
  const data = (await readdir(folder)).find((name) => name.endsWith(suffix));
  if (data === undefined) {
    throw new MachineError(`clinic ${tool} collected nothing`, {
      code: 'profiler-failed',
      hint: 'run it again with more --repeats: the process may have ended too soon',
    });
  }
  await runProgram([tool, '--visualize-only', data, '--open=false']);
  const page = `clinic-${tool}.html`;
  const text = await readFile(join(folder, `${data}.html`), 'utf8');
  await writeFile(join(folder, page), text.replaceAll(FONTS, NO_FONTS));
  return { data, page };
}

/** A file among those in the data folder, whose names start with the number of the process. */
export async function dataFile(folder: string, data: string, suffix: string): Promise<string> {
  const name = (await readdir(join(folder, data))).find((one) => one.endsWith(suffix));
  if (name === undefined) throw new MachineError(`clinic left no ${suffix} in ${data}`, { code: 'profiler-failed' });
  return join(folder, data, name);
}
