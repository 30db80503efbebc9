import { join } from 'node:path';

import type { ByteScanner } from './byte-scanner.ts';
import {
  counter,
  gauge,
  joinSamplers,
  sampleFile,
  type ResourceSampler,
  type SampleSources,
  type SampleValues,
} from './resource-sampler.ts';

/**
 * Tasks that run or could run (`runQueue.running`, the sampler itself among them), the load average of one minute, and,
 * where the kernel keeps it, the time that tasks of the machine waited for a core (`runQueue.waitMs`).
 */
export function openRunQueueSampler(sources: SampleSources): ResourceSampler {
  return joinSamplers([
    sampleFile(sources, {
      name: 'runQueue',
      path: join(sources.proc, 'loadavg'),
      inspect: () => ({ columns: [gauge('runQueue.running'), gauge('runQueue.load1')], parse: parseLoadAverage }),
    }),
    sampleFile(sources, {
      name: 'runQueue.waitMs',
      path: join(sources.proc, 'schedstat'),
      inspect: () => ({ columns: [counter('runQueue.waitMs')], parse: parseMachineSchedstat }),
    }),
  ]);
}

/**
 * `0.52 0.58 0.59 3/95 6340`. Its `3` is the same count as `procs_running` of `/proc/stat` (nr_running() in fs/proc), at
 * a tenth of the price.
 */
export function parseLoadAverage(scanner: ByteScanner, values: SampleValues, first: number): boolean {
  const whole = scanner.integer();
  scanner.accept('.');
  const hundredths = scanner.integer();
  scanner.skipFields(2);
  const running = scanner.integer();
  if (Number.isNaN(whole + hundredths + running)) return false;
  values[first] = running;
  values[first + 1] = whole + hundredths / 100;
  return true;
}

/** Sums the eighth figure of every `cpuN` line, nanoseconds that tasks waited (Documentation/scheduler/sched-stats). */
export function parseMachineSchedstat(scanner: ByteScanner, values: SampleValues, first: number): boolean {
  let waitNs = 0;
  let cores = 0;
  do {
    if (!scanner.accept('cpu')) continue;
    scanner.skipFields(8);
    waitNs += scanner.integer();
    cores += 1;
  } while (scanner.nextLine());
  if (cores === 0 || Number.isNaN(waitNs)) return false;
  values[first] = waitNs / 1e6;
  return true;
}
