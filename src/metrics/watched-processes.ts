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
  /** Those of a role that are there, by their ids. */
  readonly #files: Map<Role, Map<number, ProcessFiles>> = new Map(roles.map((role) => [role, new Map()]));
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
    for (const [role, watched] of this.#files) {
      const pids = [processes[role] ?? []].flat();
      for (const pid of watched.keys()) if (!pids.includes(pid)) this.#close(role, pid);
      for (const pid of pids) if (!watched.has(pid)) this.#open(role, pid);
    }
  }

  sample(values: SampleValues, first: number, isLast: boolean = false): void {
    const isDetailed = this.#slowTurn.take() || isLast;
    for (const [index, role] of roles.entries()) this.#sampleRole(role, isDetailed, values, first + index * width);
  }

  [Symbol.dispose](): void {
    for (const [role, watched] of this.#files) for (const pid of watched.keys()) this.#close(role, pid);
  }

  #open(role: Role, pid: number): void {
    try {
      this.#files.get(role)?.set(pid, new ProcessFiles(this.#sources.proc, pid, this.#sources.scanner));
    } catch {
      // Not there (any more): null until `watch` names another.
    }
  }

  #close(role: Role, pid: number): void {
    this.#files.get(role)?.get(pid)?.[Symbol.dispose]();
    this.#files.get(role)?.delete(pid);
  }

  #sampleRole(role: Role, isDetailed: boolean, values: SampleValues, at: number): void {
    const readings: (readonly [pid: number, reading: ProcessReading])[] = [];
    for (const [pid, files] of this.#files.get(role) ?? []) {
      try {
        readings.push([pid, files.read(isDetailed)]);
      } catch {
        // It has ended: null until `watch` names another.
        this.#close(role, pid);
      }
    }
    if (readings.length > 0) this.#fill(role, readings, values, at);
  }

  /** The sum of those that share the role; null where one of them does not tell. */
  #fill(
    role: Role,
    readings: readonly (readonly [pid: number, reading: ProcessReading])[],
    values: SampleValues,
    at: number,
  ): void {
    const counted = readings.map(([pid, reading]) => [pid, counterSources.map((source) => source(reading))] as const);
    const sums =
      this.#totals.get(role)?.add(counted.map(([pid, counts]) => [pid, counts.map((count) => count ?? 0)])) ?? [];
    const isDetailed = readings.every(([, reading]) => reading.isDetailed);
    const shown = isDetailed ? counterSources.length : fastWidth;
    for (let index = 0; index < shown; index += 1) {
      if (counted.every(([, counts]) => counts[index] !== undefined)) values[at + index] = sums[index] ?? null;
    }
    if (!isDetailed) return;
    for (const [index, source] of gaugeSources.entries()) {
      const levels = readings.map(([, reading]) => source(reading));
      values[at + counterSources.length + index] = levels.reduce<number | null>(
        (sum, level) => (sum === null || level === undefined ? null : sum + level),
        0,
      );
    }
  }

  #findMissing(): Readonly<Record<string, string>> {
    const missing: Record<string, string> = {};
    for (const role of roles) {
      const [watched] = this.#files.get(role) ?? [];
      if (watched === undefined) {
        missing[['process', role].join('.')] =
          this.#sources.platform === 'linux'
            ? 'not sampled: no such process at the start'
            : `unsupported: ${this.#sources.platform} has no /proc`;
        continue;
      }
      const [pid, files] = watched;
      const { run, io } = files.read(true);
      if (run === undefined) missing[columnName(role, 'runMs')] = 'unsupported: this kernel keeps no schedstat';
      if (io === undefined) missing[columnName(role, 'readBytes')] = `not permitted: /proc/${pid}/io`;
    }
    return missing;
  }
}
