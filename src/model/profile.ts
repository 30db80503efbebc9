/** Version of profile/profile.json. Older ones are read, newer ones refused. */
export const profileFormatVersion = 1;

/** Which process of a run is looked at. */
export const profiledProcesses = ['client', 'server'] as const;
export type ProfiledProcess = (typeof profiledProcesses)[number];

/** A function and what it cost itself, without what it called in JavaScript. */
export interface HotFunction {
  /** `main`, or kind of thread and how many of them: `decode worker (4 threads)`. */
  readonly thread: string;
  /** As the engine names it: `decodeChunk`, `(anonymous)`, `(garbage collector)`. */
  readonly name: string;
  /** `src/decode/decode-chunk.ts:12`, `node:internal/...`; absent for what is not JavaScript. */
  readonly location?: string;
  /** Of what is not ours, the nearest function of ours that called it, with its location: `decodeChunk (src/...:12)`. */
  readonly caller?: string;
  /** 0..1, of the samples in which the thread was not idle. */
  readonly selfShare: number;
}

export interface ProfileFile {
  /** From the run directory, with `/`. */
  readonly path: string;
  /** What it is and how to open it, one clause. */
  readonly what: string;
}

/** What a profiler said of one process while one strategy ran. */
export interface ProfileReport {
  readonly tool: { readonly name: string; readonly version: string };
  readonly process: ProfiledProcess;
  /** Label of the strategy that ran. */
  readonly strategy: string;
  /** Which threads and which time the profile covers, one sentence. */
  readonly covers: string;
  readonly files: readonly ProfileFile[];
  /** By thread, each from the hottest down; or why there are none. */
  readonly hotFunctions: readonly HotFunction[] | { readonly unavailable: string };
  /** What the tool itself concludes, where it does. */
  readonly verdict?: string;
}

/** `profile/profile.json`, written when the tool is done. */
export interface ProfileRecord extends ProfileReport {
  readonly formatVersion: number;
}
