import type { Clock } from '../model/ports.ts';
import { LiveRegion } from '../ui/live-region.ts';
import { formatProgress, type Progress } from '../ui/progress.ts';
import type { Edge } from './edge.ts';

/** Shorter waits need no bar. */
const SHOW_AFTER_MS = 2000;

export interface ByteProgressOptions extends Pick<Progress, 'rateName'> {
  /** What goes on: `reading chunks`. */
  readonly what: string;
  readonly clock: Clock;
}

/** Shows on stderr how many of the bytes are done, for as long as `run` takes. */
export async function withByteProgress<Result>(
  { stderr, env }: Pick<Edge, 'stderr' | 'env'>,
  { what, clock, ...named }: ByteProgressOptions,
  run: (onProgress: (doneBytes: number, totalBytes: number) => void) => Promise<Result>,
): Promise<Result> {
  using region = new LiveRegion({ stream: stderr, env, clock });
  const startedMs = clock.now();
  return await run((doneBytes, totalBytes) => {
    const elapsedMs = clock.now() - startedMs;
    if (elapsedMs < SHOW_AFTER_MS || !region.isDue) return;
    region.update([`${what}  ${formatProgress({ doneBytes, totalBytes, elapsedMs, ...named })}`]);
  });
}
