import { join } from 'node:path';

import type { SampleColumn } from '../model/records.ts';
import type { ByteScanner } from './byte-scanner.ts';
import {
  counter,
  sampleFile,
  type ResourceSampler,
  type SampleSources,
  type SampleValues,
} from './resource-sampler.ts';

/** `/proc/stat` counts in USER_HZ, which is 100 on every architecture that Node runs on (proc(5)). */
export const MS_PER_TICK = 10;

/** Of the whole machine. Busy is user + system + interrupts; time stolen by the hypervisor is beside it. */
const machineColumns = [
  'cpu.busyMs',
  'cpu.userMs',
  'cpu.systemMs',
  'cpu.interruptMs',
  'cpu.idleMs',
  'cpu.iowaitMs',
  'cpu.stealMs',
] as const;
const coreColumns = ['busyMs', 'iowaitMs', 'stealMs'] as const;

/** CPU time of the machine and of each core that is on line at the start: `cpu.busyMs`, `core.0.busyMs`, ... */
export function openCpuSampler(sources: SampleSources): ResourceSampler {
  return sampleFile(sources, {
    name: 'cpu',
    path: join(sources.proc, 'stat'),
    inspect(scanner) {
      const cores = coreNumbers(scanner);
      return {
        columns: cpuColumns(cores),
        parse: (scanner, values, first) => parseCpuTimes(scanner, cores, values, first),
      };
    },
  });
}

function cpuColumns(cores: readonly number[]): readonly SampleColumn[] {
  return [
    ...machineColumns.map((name) => counter(name)),
    ...cores.flatMap((core) => coreColumns.map((name) => counter(`core.${core}.${name}`))),
  ];
}

/** The numbers of the `cpuN` lines of `/proc/stat`. */
export function coreNumbers(scanner: ByteScanner): readonly number[] {
  const cores: number[] = [];
  while (scanner.nextLine() && scanner.accept('cpu')) cores.push(scanner.integer());
  return cores;
}

/** Fills the columns of the machine and of `cores` from the text of `/proc/stat`. */
export function parseCpuTimes(
  scanner: ByteScanner,
  cores: readonly number[],
  values: SampleValues,
  first: number,
): boolean {
  if (!scanner.accept('cpu ')) return false;
  const user = scanner.integer() + scanner.integer();
  const system = scanner.integer();
  const idle = scanner.integer();
  const iowait = scanner.integer();
  const interrupts = scanner.integer() + scanner.integer();
  const steal = scanner.integer();
  if (Number.isNaN(steal)) return false;
  const machine = [user + system + interrupts, user, system, interrupts, idle, iowait, steal];
  for (const [index, ticks] of machine.entries()) values[first + index] = ticks * MS_PER_TICK;
  let position = 0;
  while (scanner.nextLine() && scanner.accept('cpu')) {
    const core = scanner.integer();
    // Cores come in ascending order, and one may have gone off line since.
    while ((cores[position] ?? Number.POSITIVE_INFINITY) < core) position += 1;
    if (cores[position] !== core) continue;
    const at = first + machineColumns.length + position * coreColumns.length;
    const user = scanner.integer() + scanner.integer() + scanner.integer();
    scanner.skipFields(1);
    const iowait = scanner.integer();
    values[at] = (user + scanner.integer() + scanner.integer()) * MS_PER_TICK;
    values[at + 1] = iowait * MS_PER_TICK;
    values[at + 2] = scanner.integer() * MS_PER_TICK;
  }
  return true;
}
