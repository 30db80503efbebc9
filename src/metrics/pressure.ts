import { join } from 'node:path';

import type { ByteScanner } from './byte-scanner.ts';
import {
  counter,
  joinSamplers,
  sampleFile,
  type ResourceSampler,
  type SampleSources,
  type SampleValues,
} from './resource-sampler.ts';

const resources = ['cpu', 'io', 'memory'] as const;

/**
 * Pressure stall information: time for which at least one task (`someMs`) or all tasks that were not idle (`fullMs`)
 * waited for the resource.
 */
export function openPressureSampler(sources: SampleSources): ResourceSampler {
  return joinSamplers(
    resources.map((resource) =>
      sampleFile(sources, {
        name: `pressure.${resource}`,
        path: join(sources.proc, `pressure/${resource}`),
        inspect: () => ({
          columns: [counter(`pressure.${resource}.someMs`), counter(`pressure.${resource}.fullMs`)],
          parse: parsePressure,
        }),
      }),
    ),
  );
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=123` and the same for `full`, which kernels before 5.13 lack for cpu. */
export function parsePressure(scanner: ByteScanner, values: SampleValues, first: number): boolean {
  let at = first;
  do {
    const isKnown = at === first ? scanner.accept('some') : scanner.accept('full');
    if (!isKnown) return at > first;
    // Three averages, each a name and a value, then the name of the total.
    scanner.skipFields(7);
    const total = scanner.integer();
    if (Number.isNaN(total)) return false;
    values[at] = total / 1000;
    at += 1;
  } while (scanner.nextLine() && at < first + 2);
  return true;
}
