import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { ByteScanner } from './byte-scanner.ts';
import {
  counter,
  gauge,
  sampleFile,
  type ResourceSampler,
  type SampleSources,
  type SampleValues,
} from './resource-sampler.ts';

/** `/proc/diskstats` counts sectors of 512 bytes whatever the disk's own sector (Documentation/admin-guide/iostats). */
const SECTOR_BYTES = 512;

/**
 * Whole disks with hardware (or a hypervisor) behind them: partitions, loop, zram, device-mapper, md and zvols would count
 * the same bytes twice. Busy time over elapsed time is utilization, weighted time over elapsed time the mean queue.
 */
export function openDiskSampler(sources: SampleSources): ResourceSampler {
  return sampleFile(sources, {
    name: 'disk',
    path: join(sources.proc, 'diskstats'),
    inspect(scanner) {
      const disks = diskNames(scanner).filter((disk) => existsSync(join(sources.sys, 'block', disk, 'device')));
      return {
        columns: disks.flatMap((disk) => [
          counter(`disk.${disk}.readBytes`),
          counter(`disk.${disk}.writeBytes`),
          counter(`disk.${disk}.busyMs`),
          counter(`disk.${disk}.weightedMs`),
          gauge(`disk.${disk}.inFlight`),
        ]),
        parse: (scanner, values, first) => parseDiskstats(scanner, disks, values, first),
      };
    },
  });
}

export function diskNames(scanner: ByteScanner): readonly string[] {
  const names: string[] = [];
  do {
    scanner.skipFields(2);
    const name = scanner.word();
    if (name !== '') names.push(name);
  } while (scanner.nextLine());
  return names;
}

/** Five columns for each of `disks`, which are in the order of the file. */
export function parseDiskstats(
  scanner: ByteScanner,
  disks: readonly string[],
  values: SampleValues,
  first: number,
): boolean {
  let position = 0;
  do {
    const wanted = disks[position];
    if (wanted === undefined) break;
    scanner.skipFields(2);
    if (scanner.word() !== wanted) continue;
    const at = first + position * 5;
    scanner.skipFields(2);
    values[at] = scanner.integer() * SECTOR_BYTES;
    scanner.skipFields(3);
    values[at + 1] = scanner.integer() * SECTOR_BYTES;
    scanner.skipFields(1);
    values[at + 4] = scanner.integer();
    values[at + 2] = scanner.integer();
    values[at + 3] = scanner.integer();
    position += 1;
  } while (scanner.nextLine());
  return position === disks.length;
}
