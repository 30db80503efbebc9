import { closeSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { systemErrorCode } from '../model/errors.ts';
import type { ByteScanner } from './byte-scanner.ts';
import { MS_PER_TICK } from './cpu.ts';
import { SurvivingSum } from './surviving-sum.ts';

/** What `/proc/PID/stat` says of a process, all its threads included, ended ones too. */
export interface ProcessStat {
  readonly parentPid: number;
  readonly sessionId: number;
  /** User and system time, in steps of 10 ms each. */
  readonly cpuMs: number;
  /** The same of children that have ended and were waited for. */
  readonly endedChildrenCpuMs: number;
  readonly threads: number;
  /** Ticks since boot; with the id it names a process for good. */
  readonly startTicks: number;
}

/** undefined when the text is not that of a stat file. */
export function parseProcessStat(scanner: ByteScanner): ProcessStat | undefined {
  // The name in parentheses may hold blanks and parentheses of its own; after it, fields are numbered from 3.
  if (!scanner.skipPastLast(')')) return undefined;
  scanner.skipFields(1);
  const parentPid = scanner.integer();
  scanner.skipFields(1);
  const sessionId = scanner.integer();
  scanner.skipFields(7);
  const own = scanner.integer() + scanner.integer();
  const children = scanner.integer() + scanner.integer();
  scanner.skipFields(2);
  const threads = scanner.integer();
  scanner.skipFields(1);
  const startTicks = scanner.integer();
  if (Number.isNaN(own + children + threads + startTicks)) return undefined;
  return {
    parentPid,
    sessionId,
    cpuMs: own * MS_PER_TICK,
    endedChildrenCpuMs: children * MS_PER_TICK,
    threads,
    startTicks,
  };
}

/** Time that a thread ran and time that it could have run but waited for a core, nanoseconds. */
export interface ThreadTimes {
  readonly runNs: number;
  readonly waitNs: number;
}

/** `run wait slices`; undefined when the text is something else. */
export function parseThreadSchedstat(scanner: ByteScanner): ThreadTimes | undefined {
  const runNs = scanner.integer();
  const waitNs = scanner.integer();
  return Number.isNaN(runNs + waitNs) ? undefined : { runNs, waitNs };
}

/** Of `/proc/PID/status`; the switches are those of the main thread alone. */
export interface ProcessStatus {
  readonly residentBytes?: number;
  readonly voluntarySwitches?: number;
  readonly involuntarySwitches?: number;
}

export function parseProcessStatus(scanner: ByteScanner): ProcessStatus {
  const status: { residentBytes?: number; voluntarySwitches?: number; involuntarySwitches?: number } = {};
  do {
    if (scanner.accept('VmRSS:')) status.residentBytes = scanner.integer() * 1024;
    else if (scanner.accept('voluntary_ctxt_switches:')) status.voluntarySwitches = scanner.integer();
    else if (scanner.accept('nonvoluntary_ctxt_switches:')) status.involuntarySwitches = scanner.integer();
  } while (scanner.nextLine());
  return status;
}

/** Bytes that a process really read from and wrote to storage, as far as they are charged to it. */
export function parseProcessIo(
  scanner: ByteScanner,
): { readonly readBytes: number; readonly writeBytes: number } | undefined {
  let readBytes = Number.NaN;
  do {
    if (scanner.accept('read_bytes:')) readBytes = scanner.integer();
    else if (scanner.accept('write_bytes:')) return { readBytes, writeBytes: scanner.integer() };
  } while (scanner.nextLine());
  return undefined;
}

/** One reading of a process. */
export interface ProcessReading extends ProcessStat, ProcessStatus {
  /** Absent without schedstat in the kernel. */
  readonly run?: {
    readonly runMs: number;
    readonly waitMs: number;
    readonly mainRunMs: number;
    readonly mainWaitMs: number;
  };
  /** Absent when the process is another user's. */
  readonly io?: { readonly readBytes: number; readonly writeBytes: number };
  /** Whether memory, switches and storage traffic are of this moment; else they are those last read. */
  readonly isDetailed: boolean;
}

/** A live process's files under `/proc/PID`, kept open. Throws ENOENT when there is no such process. */
export class ProcessFiles implements Disposable {
  readonly #folder: string;
  readonly #pid: number;
  readonly #scanner: ByteScanner;
  readonly #stat: number;
  readonly #status: number;
  readonly #io: number | undefined;
  readonly #threads: Map<number, number> = new Map();
  readonly #threadTotals: SurvivingSum<number> = new SurvivingSum(2);
  #threadCount = -1;
  #details: Pick<ProcessReading, 'io' | keyof ProcessStatus> | undefined;

  constructor(proc: string, pid: number, scanner: ByteScanner) {
    this.#folder = join(proc, String(pid));
    this.#pid = pid;
    this.#scanner = scanner;
    this.#stat = openSync(join(this.#folder, 'stat'), 'r');
    this.#status = openSync(join(this.#folder, 'status'), 'r');
    try {
      this.#io = openSync(join(this.#folder, 'io'), 'r');
    } catch {
      this.#io = undefined;
    }
  }

  /** Throws (ESRCH) once the process is gone. Details, which the first reading has too, cost as much as the rest. */
  read(isDetailed: boolean): ProcessReading {
    const stat = parseProcessStat(this.#scanner.load(this.#stat));
    if (stat === undefined) throw new Error(`${this.#folder}/stat is not in the known form`);
    const run = this.#readThreads(stat.threads);
    const isDue = isDetailed || this.#details === undefined;
    if (isDue) this.#details = this.#readDetails();
    return { ...stat, ...this.#details, ...(run === undefined ? {} : { run }), isDetailed: isDue };
  }

  [Symbol.dispose](): void {
    for (const fd of [this.#stat, this.#status, this.#io, ...this.#threads.values()])
      if (fd !== undefined) closeSync(fd);
    this.#threads.clear();
  }

  #readDetails(): Pick<ProcessReading, 'io' | keyof ProcessStatus> {
    const io = this.#readIo();
    return { ...parseProcessStatus(this.#scanner.load(this.#status)), ...(io === undefined ? {} : { io }) };
  }

  #readIo(): { readonly readBytes: number; readonly writeBytes: number } | undefined {
    if (this.#io === undefined) return undefined;
    try {
      return parseProcessIo(this.#scanner.load(this.#io));
    } catch {
      // The file opens but does not read when the process belongs to another user.
      return undefined;
    }
  }

  #readThreads(count: number): ProcessReading['run'] {
    // The folder is listed only when the number of threads changed or one of them is gone.
    if (count !== this.#threadCount) this.#listThreads();
    let parts = this.#readThreadTimes();
    if (parts === undefined) {
      this.#listThreads();
      parts = this.#readThreadTimes() ?? [];
    }
    this.#threadCount = count;
    const main = parts.find(([thread]) => thread === this.#pid)?.[1];
    if (main === undefined) return undefined;
    const [runNs = 0, waitNs = 0] = this.#threadTotals.add(parts);
    return {
      runMs: runNs / 1e6,
      waitMs: waitNs / 1e6,
      mainRunMs: (main[0] ?? 0) / 1e6,
      mainWaitMs: (main[1] ?? 0) / 1e6,
    };
  }

  /** undefined when a thread has ended since the folder was listed. */
  #readThreadTimes(): (readonly [number, readonly number[]])[] | undefined {
    const parts: (readonly [number, readonly number[]])[] = [];
    for (const [thread, fd] of this.#threads) {
      try {
        const times = parseThreadSchedstat(this.#scanner.load(fd));
        if (times !== undefined) parts.push([thread, [times.runNs, times.waitNs]]);
      } catch (error) {
        if (systemErrorCode(error) !== 'ESRCH') throw error;
        closeSync(fd);
        this.#threads.delete(thread);
        return undefined;
      }
    }
    return parts;
  }

  #listThreads(): void {
    const folder = join(this.#folder, 'task');
    const present = new Set(readdirSync(folder).map(Number));
    for (const [thread, fd] of this.#threads) {
      if (present.has(thread)) continue;
      closeSync(fd);
      this.#threads.delete(thread);
    }
    for (const thread of present) {
      if (this.#threads.has(thread)) continue;
      try {
        this.#threads.set(thread, openSync(join(folder, String(thread), 'schedstat'), 'r'));
      } catch {
        // The thread ended meanwhile, or the kernel keeps no schedstat.
      }
    }
  }
}
