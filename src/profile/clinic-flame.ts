import { readFile } from 'node:fs/promises';

import { clinicPackage, collectArguments, dataFile, makePage } from './clinic.ts';
import type { ProgramTool } from './profile-tool.ts';
import { tickFunctions } from './tick-functions.ts';

export const clinicFlame: ProgramTool = {
  ...clinicPackage,
  summary: 'flame graph of the main thread, by clinic',
  covers: 'The main thread only, from the start of the process to its end; decode threads are not in it.',
  collect: collectArguments('flame'),
  async present(run) {
    const { data, page } = await makePage('flame', run);
    const samples = await readFile(await dataFile(run.folder, data, '-samples'), 'utf8');
    return {
      files: [{ path: page, what: 'flame graph: the wider a function, the more of the time it ran' }],
      hotFunctions: tickFunctions(samples),
    };
  },
};
