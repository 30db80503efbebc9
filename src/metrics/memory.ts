import { join } from 'node:path';

import type { SampleColumn } from '../model/records.ts';
import type { ByteScanner } from './byte-scanner.ts';
import {
  counter,
  gauge,
  joinSamplers,
  sampleFile,
  sampleSlowly,
  type ResourceSampler,
  type SampleSources,
  type SampleValues,
} from './resource-sampler.ts';

/** Lines of `/proc/meminfo`, in kibibytes there. */
const sizes = [
  ['MemTotal', 'memory.totalBytes'],
  ['MemAvailable', 'memory.availableBytes'],
  ['Cached', 'memory.cachedBytes'],
  ['Dirty', 'memory.dirtyBytes'],
  ['Writeback', 'memory.writebackBytes'],
] as const;

/** Lines of `/proc/vmstat`; an out-of-memory kill is the error of this resource, swapping its saturation. */
const events = [
  ['pswpin', 'memory.swapInPages'],
  ['pswpout', 'memory.swapOutPages'],
  ['pgmajfault', 'memory.majorFaults'],
  ['oom_kill', 'memory.oomKills'],
] as const;

/** Sizes as gauges; about once a second swapped pages, major faults and out-of-memory kills as counters. */
export function openMemorySampler(sources: SampleSources): ResourceSampler {
  return joinSamplers([
    sampleFile(sources, {
      name: 'memory',
      path: join(sources.proc, 'meminfo'),
      inspect: (scanner) => namedLines(scanner, sizes, gauge, 1024),
    }),
    sampleSlowly(
      sources,
      sampleFile(sources, {
        name: 'memory.events',
        path: join(sources.proc, 'vmstat'),
        inspect: (scanner) => namedLines(scanner, events, counter, 1),
      }),
    ),
  ]);
}

/**
 * Finds the wanted `Name: value` lines once and from then on goes to them by line number, as the kernel prints the same
 * lines in the same order while it runs.
 */
export function namedLines(
  scanner: ByteScanner,
  wanted: readonly (readonly [string, string])[],
  column: (name: string) => SampleColumn,
  factor: number,
): {
  readonly columns: readonly SampleColumn[];
  readonly parse: (scanner: ByteScanner, values: SampleValues, first: number) => boolean;
} {
  const found: { readonly line: number; readonly label: string; readonly column: SampleColumn }[] = [];
  let line = 0;
  do {
    const label = scanner.word();
    const match = wanted.find(([name]) => name === label);
    if (match !== undefined) found.push({ line, label, column: column(match[1]) });
    line += 1;
  } while (scanner.nextLine());
  return {
    columns: found.map(({ column }) => column),
    parse(scanner, values, first) {
      let line = 0;
      for (const [index, { line: target, label }] of found.entries()) {
        for (; line < target; line += 1) if (!scanner.nextLine()) return false;
        if (!scanner.accept(label)) return false;
        values[first + index] = scanner.integer() * factor;
      }
      return found.length > 0;
    },
  };
}
