import type { SpanTable, TrialRecord } from '../model/records.ts';
import { mean } from '../stats/mean.ts';
import { chunkTimes, type ChunkTimes } from './chunk-times.ts';
import { measuredTrials } from './measured-trials.ts';

/** More rows than this cannot be told apart on a screen, and the pattern has repeated by then. */
const CHUNKS_SHOWN = 60;

/** The first chunks of one trial of a strategy, or of a verify, for a drawing. */
export interface Waterfall {
  readonly strategy: string;
  /** The trial with the median duration among those that were measured; a verify has none. */
  readonly trial?: number;
  /** The first ones in the order in which they were asked for. */
  readonly chunks: readonly ChunkTimes[];
  /** Data chunks of the whole trial or verify. */
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
  const waterfall = firstChunks(strategy, middle.spans);
  return waterfall === undefined ? undefined : { ...waterfall, trial: middle.index };
}

/** The slots of a verify only count its chunks: they are left out. */
export function drawVerifyWaterfall(spans: SpanTable): Waterfall | undefined {
  const waterfall = firstChunks('verify', spans);
  return waterfall === undefined
    ? undefined
    : { ...waterfall, chunks: waterfall.chunks.map((chunk) => ({ ...chunk, slot: undefined })) };
}

function firstChunks(strategy: string, spans: SpanTable): Waterfall | undefined {
  const chunks = chunkTimes(spans).toSorted((a, b) => a.startMs - b.startMs || (a.slot ?? 0) - (b.slot ?? 0));
  const meanChunkMs = mean(chunks.map(({ startMs, endMs }) => endMs - startMs));
  if (meanChunkMs === undefined) return undefined;
  return {
    strategy,
    chunks: chunks.slice(0, CHUNKS_SHOWN),
    chunkCount: chunks.length,
    meanChunkMs,
  };
}
