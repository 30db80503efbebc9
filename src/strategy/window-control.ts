/** Decides how many chunks may be under way, from what it is told of them. Times are on the clock of the restore. */
export interface WindowControl {
  /** Chunks that may be under way now; at least 1. */
  readonly limit: number;
  /** How long the next chunk, which has its place already, waits before its request. Asked once for each. */
  nextPauseMs(): number;
  requested(nowMs: number): void;
  written(nowMs: number, requestedMs: number): void;
}
