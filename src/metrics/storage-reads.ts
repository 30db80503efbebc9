import { closeSync, openSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';

import { metric, sumMetrics, unavailable, type Metric } from '../model/metric.ts';
import { ByteScanner } from './byte-scanner.ts';
import { parseProcessIo } from './process-files.ts';
import { unreadableReason } from './resource-sampler.ts';

const scanner = new ByteScanner();

/**
 * Bytes that a process has caused to be read from storage so far, read-ahead included: `read_bytes` of /proc/PID/io
 * (proc(5)). What came from the page cache, or from a file system in memory, is not in it. Never throws.
 */
export function readFromStorage(pid: number, { proc = '/proc' }: { readonly proc?: string } = {}): Metric {
  const path = join(proc, String(pid), 'io');
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    return unavailable(unreadableReason(error, path, platform()));
  }
  try {
    const found = parseProcessIo(scanner.load(file));
    return found === undefined ? unavailable(`unsupported: ${path} is not in the known form`) : metric(found.readBytes);
  } catch {
    return unavailable('not running: the process has ended');
  } finally {
    closeSync(file);
  }
}

/** What the processes read between two moments, all together; the reason of the first that cannot be told. */
export function readBetween(before: readonly Metric[], after: readonly Metric[]): Metric {
  return sumMetrics(
    after.map((end, index) => {
      const start = before[index] ?? unavailable('not sampled: the process was not there at the start');
      if ('unavailable' in start) return start;
      return 'unavailable' in end ? end : metric(end.value - start.value);
    }),
  );
}
