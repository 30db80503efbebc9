import { unavailable, type UseRow } from '../../model/metric.ts';
import type { ProcessUsage } from '../../model/records.ts';
import { clientFigure } from '../client-parts.ts';
import { asShare, overTrials, type CountedTrial, type UseContext } from './use-context.ts';

const NO_PROCESS_ERRORS = unavailable('unsupported: the kernel counts no errors of a process');

/** Processes of a run. The sampler's is the harness's own cost, beside the client's. */
const processes = [
  { role: 'client', hasMainThreadRow: true },
  { role: 'server', hasMainThreadRow: true },
  { role: 'relay', hasMainThreadRow: true },
  { role: 'sampler', hasMainThreadRow: false },
] as const;

/** CPU of each process over all cores, and of the one thread that does most in each. */
export function processRows({ trials, cores, settings }: UseContext): readonly UseRow[] {
  const isReal = settings.server.kind === 'pbs';
  const rows = processes
    .filter(({ role }) => role !== 'relay' || !isReal)
    .flatMap(({ role, hasMainThreadRow }) => {
      const usage = ({ counters }: CountedTrial): ProcessUsage => counters[role];
      const whole: UseRow = {
        resource: `${role} cpu`,
        utilization: asShare(
          overTrials(
            trials,
            (trial) => usage(trial).cpuMs,
            ({ durationMs }) => durationMs * cores,
          ),
        ),
        saturation: overTrials(trials, (trial) => usage(trial).allThreadsWaitMs),
        saturationUnit: 'threads waiting for a core, mean',
        errors: NO_PROCESS_ERRORS,
        method: `schedstat of all threads${role === 'sampler' ? ' and the time of ss' : ''} over the time of ${cores} cores`,
      };
      const main: UseRow = {
        resource: `${role} main thread`,
        utilization: asShare(overTrials(trials, (trial) => usage(trial).mainThreadRunMs)),
        saturation: overTrials(trials, (trial) => usage(trial).mainThreadWaitMs),
        saturationUnit: 'share of time in which it waited for a core',
        errors: NO_PROCESS_ERRORS,
        method: `schedstat of the main thread${role === 'server' ? ', of the busiest process,' : ''} over the time of the trials`,
      };
      return hasMainThreadRow ? [whole, main] : [whole];
    });
  return [
    ...rows,
    {
      resource: 'proof cpu',
      utilization: asShare(
        overTrials(
          trials,
          ({ counters }) => clientFigure(counters, (parts) => parts.proofCpuMs),
          ({ durationMs }) => durationMs * cores,
        ),
      ),
      saturation: unavailable('unsupported: the proof runs on threads of the client and waits with them'),
      errors: NO_PROCESS_ERRORS,
      method: `the harness's own check of restored bytes, contained in the client's CPU, over the time of ${cores} cores`,
    },
  ];
}
