import type { HostFacts, SampleTable } from '../../model/records.ts';

/**
 * The cores that counters of the whole machine are shares of: those that were sampled. `host.cores` are those that this
 * process may use, fewer where it is bound to some of them.
 */
export function machineCores(samples: Pick<SampleTable, 'columns'> | undefined, host: HostFacts): number {
  const sampled = samples?.columns.filter(({ name }) => /^core\.\d+\.busyMs$/u.test(name)).length ?? 0;
  return sampled > 0 ? sampled : host.cores;
}
