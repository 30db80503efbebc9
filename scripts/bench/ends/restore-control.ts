/** One restore as the bench wants it. */
export interface TrialOrder {
  /** Text of a scenario; its first case and the strategy of that label are run. */
  readonly scenario: string;
  readonly strategy: string;
  /** Spans and samples, as `restorelab run` records them. */
  readonly recording: boolean;
  /** Watch each turn of the client's event loop, which costs a little. */
  readonly watchTurns?: boolean;
}

/** A verified restore. Milliseconds unless named otherwise. */
export interface TrialFigures {
  readonly dataBytes: number;
  /** Encoded bytes of the chunks, per plain byte. */
  readonly storedShare: number;
  readonly durationMs: number;
  /** User and system time of all threads of the client's process. */
  readonly clientCpuMs: number;
  /** Contained in it. */
  readonly proofCpuMs: number;
  readonly samplerCpuMs: number;
  readonly serverCpuMs: number;
  /** Summed over decode threads and chunks, wall clock; absent without recording. */
  readonly decodeMs?: number;
  /** Largest resident set of the client's process during the trial; absent where the kernel does not tell. */
  readonly peakResidentBytes?: number;
  /** CPU time of the main thread in single turns of its event loop, 99th percentile; with `watchTurns`. */
  readonly turnCpuMsP99?: number;
  readonly eventLoopDelayMsP99?: number;
  /** Time for which the main thread was runnable but had no core. */
  readonly mainThreadWaitMs?: number;
}

/** Calls to a process that is the client of restores, as `restorelab run` is, and nothing else. */
export interface RestoreClientCalls {
  /** Starts server, link emulator and sampler. */
  open(options: { readonly folder: string }): Promise<void>;
  /** Generates the image of a scenario where it is not there yet. */
  prepare(options: { readonly scenario: string }): Promise<void>;
  restore(order: TrialOrder): Promise<TrialFigures>;
  close(): Promise<void>;
  [method: string]: (parameter: never) => unknown;
}
