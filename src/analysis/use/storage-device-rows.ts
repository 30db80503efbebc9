import { metric, unavailable, type UseRow } from '../../model/metric.ts';
import { mean } from '../../stats/mean.ts';
import { asShare, type UseContext } from './use-context.ts';

/** Memory and the physical disks of the machine. */
export function storageDeviceRows({
  samples,
  memoryBytes,
}: Pick<UseContext, 'samples' | 'memoryBytes'>): readonly UseRow[] {
  if ('unavailable' in samples) {
    const reason = unavailable(samples.unavailable);
    return ['memory', 'disks'].map((resource) => ({
      resource,
      utilization: reason,
      saturation: reason,
      errors: reason,
    }));
  }
  const available = mean(samples.levels('memory.availableBytes'));
  const disks = samples.columnNames.flatMap((name) => /^disk\.(.+)\.busyMs$/u.exec(name)?.[1] ?? []);
  const noDisk = samples.reason('disk');
  return [
    {
      resource: 'memory',
      utilization:
        available === undefined
          ? samples.reason('memory.availableBytes')
          : asShare(metric(1 - available / (mean(samples.levels('memory.totalBytes')) ?? memoryBytes))),
      saturation: samples.count('memory.swapOutPages'),
      saturationUnit: 'pages swapped out',
      errors: samples.count('memory.oomKills'),
      method: '/proc/meminfo: what is not available; /proc/vmstat: swapping, and kills for want of memory',
    },
    ...disks.map((disk) => ({
      resource: `disk ${disk}`,
      utilization: asShare(samples.rate(`disk.${disk}.busyMs`)),
      saturation: samples.rate(`disk.${disk}.weightedMs`),
      saturationUnit: 'requests queued or served, mean',
      errors: unavailable('unsupported: /proc/diskstats counts no errors'),
      method:
        '/proc/diskstats: time with a request under way, and weighted time; 1 does not mean full for disks that serve many requests at once',
    })),
    ...(disks.length > 0 ? [] : [{ resource: 'disks', utilization: noDisk, saturation: noDisk, errors: noDisk }]),
  ];
}
