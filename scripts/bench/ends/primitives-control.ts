/** The least that the steps of a restore cost. */
export const primitives = ['copy-pieces', 'copy-blocks', 'sha256', 'sha256-2to1', 'zstd-2to1', 'write'] as const;
export type Primitive = (typeof primitives)[number];

/** Calls to the process that measures them. */
export interface PrimitiveCalls {
  /** @param folder for the file of `write` */
  measure(options: { readonly primitive: Primitive; readonly folder: string }): {
    /** Per 10^9 plain bytes: user and system time of the whole process. */
    readonly cpuSecondsPerGb: number;
  };
  [method: string]: (parameter: never) => unknown;
}
