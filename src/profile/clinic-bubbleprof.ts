import { clinicPackage, collectArguments, makePage } from './clinic.ts';
import type { ProgramTool } from './profile-tool.ts';

export const clinicBubbleprof: ProgramTool = {
  ...clinicPackage,
  summary: 'where asynchronous operations of the main thread wait, by clinic; needs decodeThreads: 0',
  covers: 'Asynchronous operations of the main thread, from the start of the process to its end.',
  collect: collectArguments('bubbleprof'),
  refuses({ decodeThreads }) {
    if (decodeThreads === 0) return undefined;
    return {
      reason: `clinic-bubbleprof takes the messages of ${decodeThreads} decode threads for operations of the main thread: its picture would be wrong`,
      fix: 'give the strategy `decodeThreads: 0` in the scenario, so that the main thread decodes; or use --with inspector, which covers threads',
    };
  },
  async present(run) {
    const { page } = await makePage('bubbleprof', run);
    return {
      files: [{ path: page, what: 'groups of asynchronous operations and what each waited for' }],
      hotFunctions: { unavailable: 'unsupported: bubbleprof follows asynchronous operations, not functions' },
    };
  },
};
