import type { TrialRecord } from '../model/records.ts';
import { mean } from '../stats/mean.ts';
import { chunkTimes, type ChunkTimes } from './chunk-times.ts';
import { measuredTrials } from './measured-trials.ts';

/** More rows than this cannot be told apart on a screen, and the pattern has repeated by then. */
const CHUNKS_SHOWN = 60;

/** The first chunks of one trial of a strategy, for a drawing. */
export interface Waterfall {
  readonly strategy: string;
  /** The trial with the median duration among those that were measured. */
  readonly trial: number;
  /** The first ones in the order in which they were asked for. */
  readonly chunks: readonly ChunkTimes[];
  /** Data chunks of the whole trial. */
  readonly chunkCount: number;
  readonly meanChunkMs: number;
}

/** Undefined where no measured trial has chunk times. */
export function drawWaterfall(strategy: string, trials: readonly TrialRecord[]): Waterfall | undefined {
  const withSpans = measuredTrials(trials)
    .filter(({ spans }) => spans !== undefined)
    .toSorted((a, b) => a.durationMs - b.durationMs);
  const middle = withSpans[Math.floor((withSpans.length - 1) / 2)];
  if (middle?.spans === undefined) return undefined;
  const chunks = chunkTimes(middle.spans).toSorted((a, b) => a.startMs - b.startMs || (a.slot ?? 0) - (b.slot ?? 0));
  const meanChunkMs = mean(chunks.map(({ startMs, endMs }) => endMs - startMs));
  if (meanChunkMs === undefined) return undefined;
  return {
    strategy,
    trial: middle.index,
    chunks: chunks.slice(0, CHUNKS_SHOWN),
    chunkCount: chunks.length,
    meanChunkMs,
  };
}
