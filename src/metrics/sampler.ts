import { closeSync, openSync, writeSync } from 'node:fs';

import { asMachineError } from '../model/errors.ts';
import { recordFormatVersion, type SampleColumn, type SampleTable } from '../model/records.ts';
import { openCgroupSampler } from './cgroup.ts';
import { openConnectionSampler } from './connections.ts';
import type { SamplerOptions, WatchedProcesses } from './control.ts';
import { openCpuSampler } from './cpu.ts';
import { openFrequencySampler } from './cpu-frequency.ts';
import { openDiskSampler } from './disks.ts';
import { openInterfaceSampler } from './interfaces.ts';
import { openMemorySampler } from './memory.ts';
import { openPressureSampler } from './pressure.ts';
import {
  gauge,
  joinSamplers,
  type ResourceSampler,
  type SampleSources,
  type SampleValues,
} from './resource-sampler.ts';
import { openRunQueueSampler } from './run-queue.ts';
import { openTcpSampler } from './tcp.ts';
import { ProcessSampler } from './watched-processes.ts';

/** The resources of the machine, in the order of their columns. */
const machineSamplers = [
  openCpuSampler,
  openFrequencySampler,
  openRunQueueSampler,
  openPressureSampler,
  openCgroupSampler,
  openMemorySampler,
  openDiskSampler,
  openInterfaceSampler,
  openTcpSampler,
] as const;

/** Milliseconds on CLOCK_MONOTONIC, the clock that all processes of a run share. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Microseconds are finer than any of the sources, and keep the lines short. */
const round = (value: number): number => Math.round(value * 1000) / 1000;

/**
 * Writes samples.jsonl: a header line, then one row per interval, each with a single write, so that a killed run leaves
 * whole lines.
 */
export class Sampler implements Disposable {
  /** Of the file that is being written. */
  readonly header: Omit<SampleTable, 'rows'>;
  readonly #processes: ProcessSampler;
  readonly #resources: ResourceSampler;
  readonly #samplerPid: number;
  readonly #file: number;
  readonly #width: number;
  #timer: NodeJS.Timeout | undefined;
  #nextAt: number;
  #problem: unknown;

  /** Creates the file and takes the first sample. Throws a MachineError when the file cannot be written. */
  constructor({ file, intervalMs, processes, ports }: SamplerOptions, sources: SampleSources, samplerPid: number) {
    this.#samplerPid = samplerPid;
    try {
      this.#file = openSync(file, 'wx');
    } catch (error) {
      throw asMachineError(error, `creating ${file}`);
    }
    this.#processes = new ProcessSampler(sources, { ...processes, sampler: samplerPid });
    this.#resources = joinSamplers([
      ...machineSamplers.map((open) => open(sources)),
      this.#processes,
      openConnectionSampler(sources, ports),
    ]);
    const columns: readonly SampleColumn[] = [gauge('timeMs'), ...this.#resources.columns];
    this.#width = columns.length;
    this.header = { formatVersion: recordFormatVersion, intervalMs, columns, unavailable: this.#resources.unavailable };
    this.#writeLine(this.header);
    this.#nextAt = monotonicMs();
    this.#tick();
  }

  watch(processes: WatchedProcesses): void {
    this.#processes.watch({ ...processes, sampler: this.#samplerPid });
  }

  /** Takes a last sample and closes the file. Throws a MachineError when some sample could not be written. */
  stop(): void {
    this.#sample(true);
    this[Symbol.dispose]();
    if (this.#problem !== undefined) throw asMachineError(this.#problem, 'writing the samples');
  }

  [Symbol.dispose](): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#resources[Symbol.dispose]();
    closeSync(this.#file);
  }

  #tick(): void {
    this.#sample();
    const now = monotonicMs();
    // Samples that were missed on a busy machine are not made up for.
    do this.#nextAt += this.header.intervalMs;
    while (this.#nextAt <= now);
    this.#timer = setTimeout(() => this.#tick(), this.#nextAt - now);
  }

  #sample(isLast: boolean = false): void {
    const values: SampleValues = Array.from({ length: this.#width }, () => null);
    values[0] = monotonicMs();
    this.#resources.sample(values, 1, isLast);
    this.#writeLine(values.map((value) => (value === null || Number.isNaN(value) ? null : round(value))));
  }

  #writeLine(line: object): void {
    if (this.#problem !== undefined) return;
    try {
      writeSync(this.#file, `${JSON.stringify(line)}\n`);
    } catch (error) {
      this.#problem = error;
    }
  }
}
