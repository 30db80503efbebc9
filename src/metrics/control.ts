import type { SampleTable } from '../model/records.ts';

/** What the harness asks of the sampler's process, over its IPC channel. */
export interface SamplerCalls {
  /** Creates the file, writes its header, and samples until `stop`. */
  start(options: SamplerOptions): Promise<Omit<SampleTable, 'rows'>>;
  /** Replaces the processes that are watched, e.g. after a server was started again. */
  watch(options: { readonly processes: WatchedProcesses }): void;
  /** Takes a last sample and closes the file. */
  stop(): Promise<void>;
  [method: string]: (parameter: never) => unknown;
}

/** Role to process id, or to those that share it; the sampler adds itself as `sampler`. */
export type WatchedProcesses = Readonly<Partial<Record<'client' | 'server' | 'relay', number | readonly number[]>>>;

export interface SamplerOptions {
  /** Absolute path of samples.jsonl. */
  readonly file: string;
  readonly intervalMs: number;
  readonly processes: WatchedProcesses;
  /** TCP ports whose connections are looked at: a server's, then that of the relay before it, for each server. */
  readonly ports: readonly number[];
}
