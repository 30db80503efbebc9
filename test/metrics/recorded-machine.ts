import { fileURLToPath } from 'node:url';

import { ByteScanner } from '../../src/metrics/byte-scanner.ts';
import type { ResourceSampler, SampleSources } from '../../src/metrics/resource-sampler.ts';

export const recorded: string = fileURLToPath(new URL('recorded', import.meta.url));

/** Reads the recorded text of a real machine; its eth0 was given a speed, and its process 4242 a second thread. */
export function recordedSources(changes: Partial<SampleSources> = {}): SampleSources {
  return {
    proc: `${recorded}/proc`,
    sys: `${recorded}/sys`,
    platform: 'linux',
    scanner: new ByteScanner(),
    now: () => 0,
    ...changes,
  };
}

/** One reading of a sampler by column name. */
export function sampleOnce(sampler: ResourceSampler): Readonly<Record<string, number | null>> {
  const values: (number | null)[] = sampler.columns.map(() => null);
  sampler.sample(values, 0);
  return Object.fromEntries(sampler.columns.map(({ name }, index) => [name, values[index] ?? null]));
}
