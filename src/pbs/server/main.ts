// The embedded server as a process of its own; see control.ts for what it can be asked to do.
import { preciseClock } from '../../clock/precise.ts';
import { collectLessOften } from '../../process/collect-less-often.ts';
import { CpuProfiler } from '../../process/cpu-profiler.ts';
import { leaveToolBehind } from '../../process/leave-tool-behind.ts';
import { serveCalls } from '../../process/serve-calls.ts';
import type { EmbeddedServerCalls } from './control.ts';
import { EmbeddedServer } from './embedded-server.ts';

leaveToolBehind();
collectLessOften();
const server = new EmbeddedServer({ clock: preciseClock() });
let profiler: CpuProfiler | undefined;

const calls: EmbeddedServerCalls = {
  listen: (options) => server.listen(options),
  mount: (store) => server.mount(store),
  mountSynthesised: (store) => server.mountSynthesised(store),
  setStorage: (settings) => server.setStorage(settings),
  setTransport: (options) => server.setTransport(options),
  counters: () => server.counters(),
  resetCounters: () => server.resetCounters(),
  startProfile: async () => {
    profiler = await CpuProfiler.start();
  },
  stopProfile: async () => (await profiler?.stop()) ?? [],
};

serveCalls(calls, { onEnd: () => server[Symbol.asyncDispose]() });
