import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

import type { ProgramTool } from './profile-tool.ts';
import { tickFunctions } from './tick-functions.ts';

const DATA = '0x-data';
const PAGE = 'flamegraph.html';

export const zeroX: ProgramTool = {
  kind: 'program',
  summary: 'flame graph of the main thread, by 0x',
  covers: 'The main thread only, from the start of the process to its end; decode threads are not in it.',
  packageName: '0x',
  major: 6,
  collect: ['--quiet', '--collect-only', '--write-ticks', '--output-dir', DATA],
  async present({ folder, runProgram }) {
    await runProgram(['--quiet', '--visualize-only', DATA]);
    await rename(join(folder, DATA, PAGE), join(folder, PAGE));
    const hotFunctions = tickFunctions(await readFile(join(folder, DATA, 'ticks.json'), 'utf8'));
    return {
      files: [{ path: PAGE, what: 'flame graph: the wider a function, the more of the time it ran' }],
      hotFunctions,
    };
  },
};
