import { collectLessOften } from '../process/collect-less-often.ts';
import { serveCalls } from '../process/serve-calls.ts';
import type { MeasuringCalls } from './control.ts';
import { MeasuringThreads } from './measuring-threads.ts';

collectLessOften();

let threads: MeasuringThreads | undefined;

/** The measuring process: nothing but the work runs in it, so that its CPU time is the work's. */
const calls: MeasuringCalls = {
  async open(settings) {
    threads = await MeasuringThreads.start(settings);
  },
  async round(settings) {
    if (threads === undefined) throw new Error('no threads were started');
    return await threads.round(settings, () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    });
  },
};

serveCalls(calls);
