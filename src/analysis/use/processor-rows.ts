import { metric, unavailable, type Metric, type UseRow } from '../../model/metric.ts';
import { mean } from '../../stats/mean.ts';
import type { SampledWindows } from './sampled-windows.ts';
import { asShare, type UseContext } from './use-context.ts';

const NO_CPU_ERRORS = unavailable('unsupported: the kernel counts no errors of a processor in a common place');
const SATURATION_ONLY = unavailable('unsupported: pressure tells of saturation only');
const NOT_COUNTED = unavailable('unsupported: nothing is counted');

/** Cores, run queue and pressure of the whole machine. */
export function processorRows({
  samples,
  machineCores: cores,
}: Pick<UseContext, 'samples' | 'machineCores'>): readonly UseRow[] {
  const reason = 'unavailable' in samples ? unavailable(samples.unavailable) : undefined;
  const sampled = (figure: (windows: SampledWindows) => Metric): Metric =>
    'unavailable' in samples ? unavailable(samples.unavailable) : figure(samples);
  return [
    {
      resource: 'cpu',
      utilization: asShare(sampled((windows) => perCore(windows.rate('cpu.busyMs'), cores))),
      saturation: sampled((windows) => windows.rate('pressure.cpu.someMs')),
      saturationUnit: 'share of time in which a task waited for a core',
      errors: reason ?? NO_CPU_ERRORS,
      method:
        '/proc/stat: time that was neither idle, waiting for storage nor stolen, over all cores; pressure stall information',
    },
    {
      resource: 'busiest core',
      utilization: asShare(sampled(busiestCore)),
      saturation: reason ?? unavailable('unsupported: the kernel tells waiting tasks of the machine, not of a core'),
      errors: reason ?? NO_CPU_ERRORS,
      method:
        '/proc/stat: in every interval the core that was busiest, mean over time; a thread that moves between cores is spread over them',
    },
    {
      resource: 'cpu stolen by the hypervisor',
      utilization: reason ?? unavailable('unsupported: stolen time tells of saturation only'),
      saturation: sampled((windows) => asShare(perCore(windows.rate('cpu.stealMs'), cores))),
      saturationUnit: 'share of all cores that was wanted and not given',
      errors: reason ?? NO_CPU_ERRORS,
      method: '/proc/stat: steal over all cores',
    },
    ...limitRow(samples),
    {
      resource: 'run queue',
      utilization: asShare(sampled((windows) => perCore(meanLevel(windows, 'runQueue.running', 1), cores))),
      saturation: sampled((windows) => waitingTasks(windows, cores)),
      saturationUnit: 'tasks waiting for a core',
      errors: reason ?? NOT_COUNTED,
      method:
        'tasks that run or could run, without the sampler, over cores; waiting from /proc/schedstat where the kernel has it, else tasks beyond the cores',
    },
    ...(['cpu', 'io', 'memory'] as const).map((resource) => ({
      resource: `pressure ${resource}`,
      utilization: reason ?? SATURATION_ONLY,
      saturation: sampled((windows) => windows.rate(`pressure.${resource}.someMs`)),
      saturationUnit: 'share of time in which a task waited for it',
      errors: reason ?? NOT_COUNTED,
      method: `/proc/pressure/${resource}, total of "some"`,
    })),
  ];
}

/** What a CPU limit (of a container, a service) held back; left out where the kernel counts none. */
function limitRow(samples: UseContext['samples']): readonly UseRow[] {
  if ('unavailable' in samples || !samples.columnNames.includes('cgroup.throttledMs')) return [];
  const periods = samples.count('cgroup.throttledPeriods');
  return [
    {
      resource: 'cpu limit of the control group',
      utilization: unavailable('unsupported: the limit tells of saturation only'),
      saturation: samples.rate('cgroup.throttledMs'),
      saturationUnit: 'cores that the limit stopped, mean',
      errors: NO_CPU_ERRORS,
      method: `cpu.stat of cgroup v2: throttled time${'value' in periods ? `, in ${periods.value} periods` : ''}`,
    },
  ];
}

const perCore = (candidate: Metric, cores: number): Metric =>
  'value' in candidate ? metric(candidate.value / cores) : candidate;

function busiestCore(windows: SampledWindows): Metric {
  const columns = windows.columnNames.filter((name) => /^core\.\d+\.busyMs$/u.test(name));
  return columns.length === 0 ? windows.reason('cpu') : windows.meanOfLargestRate(columns);
}

function meanLevel(windows: SampledWindows, column: string, without: number): Metric {
  const level = mean(windows.levels(column).map((value) => Math.max(0, value - without)));
  return level === undefined ? windows.reason(column) : metric(level);
}

/** The sampler is one of those that run at the moment of the reading. */
function waitingTasks(windows: SampledWindows, cores: number): Metric {
  const growth = windows.growth('runQueue.waitMs');
  if (growth !== undefined) return metric(growth.amount / growth.elapsedMs);
  return meanLevel(windows, 'runQueue.running', 1 + cores);
}
