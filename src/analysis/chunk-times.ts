import type { SpanColumn, SpanTable } from '../model/records.ts';
import { phases, type Phase } from '../model/report.ts';

/** One data chunk on its way, in milliseconds of its trial's clock. */
export interface ChunkTimes {
  /** Index of the slot in the image; undefined if it was not recorded. */
  readonly slot: number | undefined;
  readonly startMs: number;
  readonly endMs: number;
  /** Length of each phase, never negative; they add up to `endMs - startMs`. */
  readonly phaseMs: Readonly<Record<Phase, number>>;
  /** Time that the decoded chunk waited for its turn, before the strategy handed it to the target. */
  readonly headOfLineWaitMs: number | undefined;
}

/**
 * The moment that ends each phase. `decoding` includes waiting for a decode thread, `held` both the wait for its turn
 * (strict order) and for the writer.
 */
const endOfPhase: Readonly<Record<Phase, SpanColumn>> = {
  queued: 'requestSentMs',
  waiting: 'firstByteMs',
  receiving: 'lastByteMs',
  decoding: 'decodedMs',
  held: 'writeStartedMs',
  writing: 'writtenMs',
};

/**
 * The data chunks of a trial in the order of writing. Rows that were never fetched (zeros) or never written are left out.
 * A moment that was not recorded gives its phase's time to the next one; moments of different threads that cross by a
 * fraction are put in order, so that the phases always add up.
 */
export function chunkTimes(spans: SpanTable): readonly ChunkTimes[] {
  return spans.fetchCalledMs.flatMap((startMs, row) => {
    const endMs = at(spans, 'writtenMs', row);
    if (startMs === null || endMs === undefined || endMs < startMs) return [];
    const phaseMs: Record<Phase, number> = { queued: 0, waiting: 0, receiving: 0, decoding: 0, held: 0, writing: 0 };
    let reached = startMs;
    for (const phase of phases) {
      const recorded = at(spans, endOfPhase[phase], row);
      if (recorded === undefined) continue;
      const end = Math.min(Math.max(recorded, reached), endMs);
      phaseMs[phase] = end - reached;
      reached = end;
    }
    const decodedMs = at(spans, 'decodedMs', row);
    const writeCalledMs = at(spans, 'writeCalledMs', row);
    const headOfLineWaitMs =
      decodedMs === undefined || writeCalledMs === undefined ? undefined : Math.max(0, writeCalledMs - decodedMs);
    return [{ slot: at(spans, 'slot', row), startMs, endMs, phaseMs, headOfLineWaitMs }];
  });
}

/** Share of all chunks' time that went into each phase; they add up to 1. Undefined where no time was spent. */
export function phaseShares(chunks: readonly ChunkTimes[]): Readonly<Record<Phase, number>> | undefined {
  const total = chunks.reduce((sum, { startMs, endMs }) => sum + (endMs - startMs), 0);
  if (!(total > 0)) return undefined;
  const share = (phase: Phase): number => chunks.reduce((sum, { phaseMs }) => sum + phaseMs[phase], 0) / total;
  return {
    queued: share('queued'),
    waiting: share('waiting'),
    receiving: share('receiving'),
    decoding: share('decoding'),
    held: share('held'),
    writing: share('writing'),
  };
}

function at(spans: SpanTable, column: SpanColumn, row: number): number | undefined {
  return spans[column][row] ?? undefined;
}
