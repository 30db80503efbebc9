import type { SampleColumn } from '../model/records.ts';
import type { WatchedProcesses } from './control.ts';
import { ProcessFiles, type ProcessReading } from './process-files.ts';
import {
  counter,
  gauge,
  SlowTurn,
  type ResourceSampler,
  type SampleSources,
  type SampleValues,
} from './resource-sampler.ts';
import { SurvivingSum } from './surviving-sum.ts';

const roles = ['client', 'server', 'relay', 'sampler'] as const;
type Role = (typeof roles)[number];

/** Role to process id of everything that is watched, the sampler included. */
export type ProcessIds = WatchedProcesses & { readonly sampler: number };

/** Columns of each role, and where each comes from. */
const counters = {
  cpuMs: (reading: ProcessReading) => reading.cpuMs,
  runMs: (reading: ProcessReading) => reading.run?.runMs,
  waitMs: (reading: ProcessReading) => reading.run?.waitMs,
  mainRunMs: (reading: ProcessReading) => reading.run?.mainRunMs,
  mainWaitMs: (reading: ProcessReading) => reading.run?.mainWaitMs,
} as const;
/** These, and the gauges, about once a second. */
const slowCounters = {
  readBytes: (reading: ProcessReading) => reading.io?.readBytes,
  writeBytes: (reading: ProcessReading) => reading.io?.writeBytes,
  mainVoluntarySwitches: (reading: ProcessReading) => reading.voluntarySwitches,
  mainInvoluntarySwitches: (reading: ProcessReading) => reading.involuntarySwitches,
} as const;
const gauges = {
  residentBytes: (reading: ProcessReading) => reading.residentBytes,
  threads: (reading: ProcessReading) => reading.threads,
} as const;
const counterSources = [...Object.values(counters), ...Object.values(slowCounters)];
const fastWidth = Object.keys(counters).length;
const gaugeSources = Object.values(gauges);
const width = counterSources.length + gaugeSources.length;

const columnName = (role: Role, detail: string): string => ['process', role, detail].join('.');

const columnsOf = (role: Role): readonly SampleColumn[] => [
  ...Object.keys({ ...counters, ...slowCounters }).map((detail) => counter(columnName(role, detail))),
  ...Object.keys(gauges).map((detail) => gauge(columnName(role, detail))),
];

/**
 * CPU, run and wait time, memory and storage traffic of the processes of a run. A process that is missing reads as null;
 * the counters of a role go on where they were when another process takes it over.
 */
export class ProcessSampler implements ResourceSampler {
  readonly columns: readonly SampleColumn[] = roles.flatMap(columnsOf);
  readonly unavailable: Readonly<Record<string, string>>;
  readonly #sources: SampleSources;
  readonly #slowTurn: SlowTurn;
  readonly #files: Map<Role, { readonly pid: number; readonly files: ProcessFiles }> = new Map();
  readonly #totals: Map<Role, SurvivingSum<number>> = new Map(
    roles.map((role) => [role, new SurvivingSum(counterSources.length)]),
  );

  constructor(sources: SampleSources, processes: ProcessIds) {
    this.#sources = sources;
    this.#slowTurn = new SlowTurn(sources.now);
    this.watch(processes);
    this.unavailable = this.#findMissing();
  }

  /** Replaces the processes that are watched. */
  watch(processes: ProcessIds): void {
    for (const role of roles) {
      const pid = processes[role];
      const kept = this.#files.get(role);
      if (kept !== undefined && kept.pid === pid) continue;
      kept?.files[Symbol.dispose]();
      this.#files.delete(role);
      if (pid !== undefined) this.#open(role, pid);
    }
  }

  sample(values: SampleValues, first: number, isLast: boolean = false): void {
    const isDetailed = this.#slowTurn.take() || isLast;
    for (const [index, role] of roles.entries()) {
      const watched = this.#files.get(role);
      if (watched === undefined) continue;
      try {
        this.#fill(role, watched.pid, watched.files.read(isDetailed), values, first + index * width);
      } catch {
        // It has ended: null until `watch` names another.
        watched.files[Symbol.dispose]();
        this.#files.delete(role);
      }
    }
  }

  [Symbol.dispose](): void {
    for (const { files } of this.#files.values()) files[Symbol.dispose]();
    this.#files.clear();
  }

  #open(role: Role, pid: number): void {
    try {
      this.#files.set(role, { pid, files: new ProcessFiles(this.#sources.proc, pid, this.#sources.scanner) });
    } catch {
      // Not there (any more): null until `watch` names another.
    }
  }

  #fill(role: Role, pid: number, reading: ProcessReading, values: SampleValues, at: number): void {
    const counts = counterSources.map((source) => source(reading));
    const sums = this.#totals.get(role)?.add([[pid, counts.map((count) => count ?? 0)]]) ?? [];
    const shown = reading.isDetailed ? counts.length : fastWidth;
    for (let index = 0; index < shown; index += 1) {
      if (counts[index] !== undefined) values[at + index] = sums[index] ?? null;
    }
    if (!reading.isDetailed) return;
    for (let index = 0; index < gaugeSources.length; index += 1) {
      values[at + counts.length + index] = gaugeSources[index]?.(reading) ?? null;
    }
  }

  #findMissing(): Readonly<Record<string, string>> {
    const missing: Record<string, string> = {};
    for (const role of roles) {
      const watched = this.#files.get(role);
      if (watched === undefined) {
        missing[['process', role].join('.')] =
          this.#sources.platform === 'linux'
            ? 'not sampled: no such process at the start'
            : `unsupported: ${this.#sources.platform} has no /proc`;
        continue;
      }
      const { run, io } = watched.files.read(true);
      if (run === undefined) missing[columnName(role, 'runMs')] = 'unsupported: this kernel keeps no schedstat';
      if (io === undefined) missing[columnName(role, 'readBytes')] = `not permitted: /proc/${watched.pid}/io`;
    }
    return missing;
  }
}
