import { closeSync, openSync, readdirSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';

import { metric, metricValue, sumMetrics, unavailable, type Metric } from '../model/metric.ts';
import type { ProcessUsage } from '../model/records.ts';
import { ByteScanner } from './byte-scanner.ts';
import { parseProcessStat, parseProcessStatus, parseThreadSchedstat, type ThreadTimes } from './process-files.ts';

/** What a process had used at one moment, or why that could not be read. */
export type UsageSnapshot =
  | { readonly unavailable: string }
  | {
      readonly pid: number;
      readonly startTicks: number;
      /** Of all threads, ended ones too, cut to whole ticks of 10 ms. */
      readonly tickCpuMs: number;
      /** Of child processes, live and ended, where they were asked for; else 0. */
      readonly childrenCpuMs: number;
      /** Live threads; empty without schedstat in the kernel. */
      readonly threads: ReadonlyMap<number, ThreadTimes>;
      readonly residentBytes: number | undefined;
    };

export interface UsageOptions {
  /** Charges what the process's own children use to it, e.g. `ss` to the sampler. Off, as the client's are the server and relay. */
  readonly includeChildren?: boolean;
  readonly proc?: string;
}

/**
 * User and system time are each cut to whole ticks at both moments, so that their difference is off by less than this;
 * only more than this tells that threads have ended unseen.
 */
const TICK_ERROR_MS = 20;

const scanner = new ByteScanner();

/**
 * Reads what a process has used so far: some 0.2 ms for one with ten threads. Never throws: a process that is gone, or a
 * system without `/proc`, gives a snapshot with a reason.
 */
export function readProcessUsage(pid: number, options: UsageOptions = {}): UsageSnapshot {
  const { includeChildren = false, proc = '/proc' } = options;
  if (platform() !== 'linux' && options.proc === undefined)
    return { unavailable: `unsupported: ${platform()} has no /proc` };
  const folder = join(proc, String(pid));
  try {
    // Threads first: what runs after that only makes the ticks larger, never the sum over threads.
    const threads = readThreads(join(folder, 'task'));
    const stat = parseProcessStat(load(join(folder, 'stat')));
    if (stat === undefined) return { unavailable: `unsupported: ${folder}/stat is not in the known form` };
    return {
      pid,
      startTicks: stat.startTicks,
      tickCpuMs: stat.cpuMs,
      childrenCpuMs: includeChildren ? stat.endedChildrenCpuMs + liveChildrenCpuMs(proc, pid) : 0,
      threads,
      residentBytes: parseProcessStatus(load(join(folder, 'status'))).residentBytes,
    };
  } catch {
    return { unavailable: 'not running: the process has ended' };
  }
}

/**
 * What a process used between two snapshots of it. CPU time is that of its live threads, to the nanosecond, unless
 * threads have ended in between: their schedstat is gone with them, and the coarser time of the whole process counts.
 */
export function usageBetween(before: UsageSnapshot, after: UsageSnapshot): ProcessUsage {
  if ('unavailable' in before) return withoutUsage(before.unavailable);
  if ('unavailable' in after) return withoutUsage(after.unavailable);
  if (before.pid !== after.pid || before.startTicks !== after.startTicks) {
    return withoutUsage('not running: another process took its place');
  }
  const residentBytes =
    after.residentBytes === undefined ? unavailable('unsupported: no VmRSS in status') : metric(after.residentBytes);
  const tickMs = after.tickCpuMs - before.tickCpuMs;
  const childrenMs = after.childrenCpuMs - before.childrenCpuMs;
  const main = after.threads.get(after.pid);
  if (main === undefined) {
    return {
      ...withoutUsage('unsupported: this kernel keeps no schedstat'),
      cpuMs: metric(tickMs + childrenMs),
      residentBytes,
    };
  }
  const { runMs, waitMs, isWholeProcess } = threadsBetween(before.threads, after.threads, tickMs);
  const ended = 'not sampled: threads ended in between';
  const mainBefore = before.threads.get(after.pid) ?? { runNs: 0, waitNs: 0 };
  return {
    cpuMs: metric((isWholeProcess ? runMs : Math.max(runMs, tickMs)) + childrenMs),
    mainThreadRunMs: metric((main.runNs - mainBefore.runNs) / 1e6),
    mainThreadWaitMs: metric((main.waitNs - mainBefore.waitNs) / 1e6),
    allThreadsRunMs: metric(isWholeProcess ? runMs : Math.max(runMs, tickMs)),
    allThreadsWaitMs: isWholeProcess ? metric(waitMs) : unavailable(ended),
    residentBytes,
  };
}

/** Several processes that do one work, as one: together, but of the main threads only the busiest. */
export function combineUsages(usages: readonly ProcessUsage[]): ProcessUsage {
  const [first, ...others] = usages;
  if (first === undefined) return withoutUsage('not running: there is no such process');
  if (others.length === 0) return first;
  const runMs = ({ mainThreadRunMs }: ProcessUsage): number => metricValue(mainThreadRunMs) ?? Infinity;
  const busiest = others.reduce((most, usage) => (runMs(usage) > runMs(most) ? usage : most), first);
  const sum = (figure: (usage: ProcessUsage) => Metric): Metric => sumMetrics(usages.map(figure));
  return {
    cpuMs: sum(({ cpuMs }) => cpuMs),
    mainThreadRunMs: busiest.mainThreadRunMs,
    mainThreadWaitMs: busiest.mainThreadWaitMs,
    allThreadsRunMs: sum(({ allThreadsRunMs }) => allThreadsRunMs),
    allThreadsWaitMs: sum(({ allThreadsWaitMs }) => allThreadsWaitMs),
    residentBytes: sum(({ residentBytes }) => residentBytes),
  };
}

function threadsBetween(
  before: ReadonlyMap<number, ThreadTimes>,
  after: ReadonlyMap<number, ThreadTimes>,
  tickMs: number,
): { readonly runMs: number; readonly waitMs: number; readonly isWholeProcess: boolean } {
  let runNs = 0;
  let waitNs = 0;
  for (const [thread, times] of after) {
    const earlier = before.get(thread);
    runNs += times.runNs - (earlier?.runNs ?? 0);
    waitNs += times.waitNs - (earlier?.waitNs ?? 0);
  }
  const runMs = runNs / 1e6;
  return { runMs, waitMs: waitNs / 1e6, isWholeProcess: tickMs - runMs <= TICK_ERROR_MS };
}

function withoutUsage(reason: string): ProcessUsage {
  const none: Metric = unavailable(reason);
  return {
    cpuMs: none,
    mainThreadRunMs: none,
    mainThreadWaitMs: none,
    allThreadsRunMs: none,
    allThreadsWaitMs: none,
    residentBytes: none,
  };
}

function readThreads(folder: string): Map<number, ThreadTimes> {
  const threads = new Map<number, ThreadTimes>();
  for (const name of readdirSync(folder)) {
    try {
      const times = parseThreadSchedstat(load(join(folder, name, 'schedstat')));
      if (times !== undefined) threads.set(Number(name), times);
    } catch {
      // The thread ended meanwhile, or the kernel keeps no schedstat.
    }
  }
  return threads;
}

/** Live children, and what they have waited for; `ss` is such a child of the sampler's shell. */
function liveChildrenCpuMs(proc: string, pid: number): number {
  let total = 0;
  for (const child of childrenOf(proc, pid)) {
    try {
      const stat = parseProcessStat(load(join(proc, String(child), 'stat')));
      total += (stat?.cpuMs ?? 0) + (stat?.endedChildrenCpuMs ?? 0);
    } catch {
      // It ended meanwhile and is now among the ended children.
    }
  }
  return total;
}

function childrenOf(proc: string, pid: number): readonly number[] {
  const children: number[] = [];
  try {
    const list = load(join(proc, String(pid), 'task', String(pid), 'children'));
    for (let child = list.integer(); !Number.isNaN(child); child = list.integer()) children.push(child);
  } catch {
    // The kernel keeps no list of children; those that have ended are still counted.
  }
  return children;
}

function load(path: string): ByteScanner {
  const fd = openSync(path, 'r');
  try {
    return scanner.load(fd);
  } finally {
    closeSync(fd);
  }
}
