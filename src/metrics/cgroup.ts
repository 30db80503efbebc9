import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ByteScanner } from './byte-scanner.ts';
import {
  absentResource,
  counter,
  sampleFile,
  type ResourceSampler,
  type SampleSources,
  type SampleValues,
} from './resource-sampler.ts';

/** Time for which a CPU limit stopped this process's control group: `cgroup.throttledMs`, `cgroup.throttledPeriods`. */
export function openCgroupSampler(sources: SampleSources): ResourceSampler {
  const path = unifiedGroup(sources);
  if (path === undefined) return absentResource('cgroup', 'unsupported: no cgroup v2 hierarchy');
  const sampler = sampleFile(sources, {
    name: 'cgroup',
    path: join(sources.sys, 'fs/cgroup', path, 'cpu.stat'),
    inspect: () => ({
      columns: [counter('cgroup.throttledPeriods'), counter('cgroup.throttledMs')],
      parse: parseThrottling,
    }),
  });
  const reason = sampler.unavailable['cgroup'];
  return reason === undefined ? sampler : absentResource('cgroup', 'unsupported: no cpu controller of cgroup v2');
}

/** `0::/path` in /proc/self/cgroup, where the unified hierarchy is the one mounted. */
function unifiedGroup({ proc, sys }: SampleSources): string | undefined {
  try {
    readFileSync(join(sys, 'fs/cgroup/cgroup.controllers'));
    return /^0::(.*)$/mu.exec(readFileSync(join(proc, 'self/cgroup'), 'latin1'))?.[1];
  } catch {
    return undefined;
  }
}

/** `nr_throttled` and `throttled_usec` of cpu.stat; false where the group has no cpu controller. */
export function parseThrottling(scanner: ByteScanner, values: SampleValues, first: number): boolean {
  let found = 0;
  do {
    if (scanner.accept('nr_throttled ')) values[first] = scanner.integer();
    else if (scanner.accept('throttled_usec ')) values[first + 1] = scanner.integer() / 1000;
    else continue;
    found += 1;
  } while (scanner.nextLine());
  return found === 2;
}
