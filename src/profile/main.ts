// The client of a restore as a process of its own, for a profiler to start; see client-calls.ts for what it is asked.
import { Cache } from '../cache/cache.ts';
import { monotonicClock } from '../clock/monotonic.ts';
import { RunDirectory } from '../harness/run-directory.ts';
import type { RunObserver } from '../harness/run-observer.ts';
import { runScenario } from '../harness/run-scenario.ts';
import { CryptConfig } from '../pbs/format/crypt-config.ts';
import { InterruptedError } from '../model/errors.ts';
import { toCallError } from '../process/call-error.ts';
import { collectLessOften } from '../process/collect-less-often.ts';
import { serveCalls } from '../process/serve-calls.ts';
import type { ProfiledClientCalls, ProfiledRunEvent } from './client-calls.ts';
import { leaveToolBehind } from '../process/leave-tool-behind.ts';

/** Each message is work on the thread that is profiled; a reader sees no more. */
const PROGRESS_INTERVAL_MS = 250;

leaveToolBehind();
collectLessOften();

const clock = monotonicClock();
const interruption = new AbortController();
let running: Promise<unknown> | undefined;

const calls: ProfiledClientCalls = {
  async run({ directory, cacheFolder, keys, ...options }) {
    const run = runScenario({
      ...options,
      keys: new Map(keys.map(([path, key]) => [path, new CryptConfig(key)])),
      // Made already: see `profiling`.
      out: directory,
      cache: new Cache(cacheFolder),
      clientPid: process.pid,
      clock,
      versions: process.versions,
      observer,
      signal: interruption.signal,
      profiling: { directory: RunDirectory.at(directory) },
    });
    running = run.catch(() => {});
    const { status, trialsRun, error } = await run;
    return { status, trialsRun, ...(error === undefined ? {} : { error: toCallError(error) }) };
  },
  interrupt: (signal) => interruption.abort(new InterruptedError(signal)),
};

const notify = serveCalls(calls, {
  onEnd: async () => {
    interruption.abort(new InterruptedError('SIGTERM'));
    await running;
  },
});
const tell = (event: ProfiledRunEvent): void => notify(event);
let lastProgressMs = -Infinity;

const observer: RunObserver = {
  preparing: (what) => tell({ kind: 'preparing', what }),
  calibrated() {},
  trialStarted: (planned) => tell({ kind: 'trial-started', planned }),
  trialProgress(planned, doneBytes, totalBytes) {
    if (clock.now() - lastProgressMs < PROGRESS_INTERVAL_MS) return;
    lastProgressMs = clock.now();
    tell({ kind: 'trial-progress', planned, doneBytes, totalBytes });
  },
  trialEnded: ({ spans: _spans, ...record }) => tell({ kind: 'trial-ended', record }),
  warning: (warning) => tell({ kind: 'warning', warning }),
};
