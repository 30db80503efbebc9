// The sampler's process: one sampler at a time, started and stopped by the harness over IPC.
import { serveCalls } from '../process/serve-calls.ts';
import { ByteScanner } from './byte-scanner.ts';
import type { SamplerCalls } from './control.ts';
import { monotonicMs, Sampler } from './sampler.ts';

let sampler: Sampler | undefined;

const calls: SamplerCalls = {
  start(options) {
    sampler?.[Symbol.dispose]();
    const sources = {
      proc: '/proc',
      sys: '/sys',
      platform: process.platform,
      scanner: new ByteScanner(),
      now: monotonicMs,
    };
    sampler = new Sampler(options, sources, process.pid);
    return Promise.resolve(sampler.header);
  },
  watch({ processes }) {
    sampler?.watch(processes);
  },
  stop() {
    const ended = sampler;
    sampler = undefined;
    ended?.stop();
    return Promise.resolve();
  },
};

serveCalls(calls, { onEnd: () => sampler?.[Symbol.dispose]() });
