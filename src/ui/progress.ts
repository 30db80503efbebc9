import { formatBytes, formatDuration, formatRate } from '../model/units.ts';

export interface Progress {
  readonly doneBytes: number;
  /** 0 or absent where the total is not known. */
  readonly totalBytes?: number;
  readonly elapsedMs: number;
  /** Which of the four rates this is, where bytes of an image are counted. */
  readonly rateName?: string;
  /** Of the bar; fewer where a long text stands before it, so that a terminal of 80 columns shows the rate. */
  readonly barCells?: number;
}

/** Before this much time or work an estimate would only jump about. */
const ESTIMATE_AFTER_MS = 500;
const ESTIMATE_AFTER_SHARE = 0.02;

const BAR_CELLS = 24;

/** `[##########--------------]  42 %  412 MB/s  3.2 s left`; parts that are not known are left out. */
export function formatProgress(progress: Progress): string {
  const { doneBytes, totalBytes = 0, rateName, barCells } = progress;
  const rate = bytesPerSecond(progress);
  const remainingMs = remainingTimeMs(progress);
  const parts: string[] = [];
  if (totalBytes > 0) {
    const share = Math.min(1, doneBytes / totalBytes);
    parts.push(formatBar(share, barCells), `${String(Math.floor(share * 100)).padStart(3)} %`);
  } else {
    parts.push(formatBytes(doneBytes));
  }
  if (rate !== undefined) parts.push(`${formatRate(rate)}${rateName === undefined ? '' : ` ${rateName}`}`);
  if (remainingMs !== undefined && remainingMs > 0) parts.push(`${formatDuration(remainingMs)} left`);
  return parts.join('  ');
}

/** A bar for a share of 0..1. */
export function formatBar(share: number, cells: number = BAR_CELLS): string {
  const full = Math.floor(Math.min(1, Math.max(0, share)) * cells);
  return `[${'#'.repeat(full)}${'-'.repeat(cells - full)}]`;
}

/** Mean rate so far, or undefined before anything was done. */
export function bytesPerSecond({ doneBytes, elapsedMs }: Progress): number | undefined {
  return elapsedMs > 0 && doneBytes > 0 ? (doneBytes * 1000) / elapsedMs : undefined;
}

/** Time that the rest takes at the mean rate so far, or undefined where that cannot be told yet. */
export function remainingTimeMs({ doneBytes, totalBytes = 0, elapsedMs }: Progress): number | undefined {
  if (totalBytes <= 0 || elapsedMs < ESTIMATE_AFTER_MS || doneBytes < totalBytes * ESTIMATE_AFTER_SHARE)
    return undefined;
  return Math.max(0, ((totalBytes - doneBytes) * elapsedMs) / doneBytes);
}
