import { setFlagsFromString } from 'node:v8';

import { CHANNEL_VARIABLE } from './call-channel.ts';

/**
 * Keeps a profiler that started this process from following into its children and threads, which it would take for
 * this process: tools hand themselves on in NODE_OPTIONS and in the arguments of Node, and V8 logs (`--prof`)
 * every thread that starts later, which `--no-prof` is too late for: their logs get a name that no tool looks for. Called first thing in a process; does nothing in one that was started
 * without a profiler.
 */
export function leaveToolBehind(): void {
  if (process.env[CHANNEL_VARIABLE] === undefined) return;
  delete process.env['NODE_OPTIONS'];
  process.execArgv.length = 0;
  setFlagsFromString('--no-logfile-per-isolate');
}
