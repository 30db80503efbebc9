/** Calls to a process that decodes chunks and does nothing else. */
export interface DecodeCalls {
  decode(options: { readonly threads: number; readonly compressionRatio: number }): Promise<{
    readonly plainBytes: number;
    readonly durationMs: number;
    /** User and system time of the whole process. */
    readonly cpuMs: number;
  }>;
  [method: string]: (parameter: never) => unknown;
}
