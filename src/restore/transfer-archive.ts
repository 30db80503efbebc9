import type { DecoderPool } from '../decode/decoder-pool.ts';
import { composePorts } from '../harness/ports/compose-ports.ts';
import type { Image } from '../model/image.ts';
import type { ChunkDecoder, ChunkSource, Clock, RestoreTarget, Strategy, StrategyKnobs } from '../model/ports.ts';
import { RestoreCounter, type RestoredBytes } from './restore-counter.ts';

export interface TransferOptions {
  /** What is to be restored. */
  readonly image: Image;
  readonly sources: readonly ChunkSource[];
  readonly pool: DecoderPool;
  /** Holds back decodes of `pool`, where the target wants that. */
  readonly decoder: ChunkDecoder;
  readonly target: RestoreTarget;
  readonly strategy: Strategy;
  readonly knobs: StrategyKnobs;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called after each write, with what was moved so far. */
  readonly onProgress: (moved: RestoredBytes) => void;
}

/**
 * A server that sends nothing is noticed by its session, long before. What is left is a disk that does not answer; even one
 * that has to spin up, or that is told to flush gigabytes, does within this time.
 */
const STALL_TIMEOUT_MS = 60 * 60 * 1000;

/**
 * Runs a strategy over the real ports once and finishes the target. When it rejects, no thread writes to the target any
 * more.
 */
export async function transferArchive(options: TransferOptions): Promise<RestoredBytes> {
  const { image, sources, pool, target, strategy, knobs, clock, signal, onProgress } = options;
  const counter = new RestoreCounter();
  using ports = composePorts({
    image,
    sources,
    decoder: counter.watchDecoder(options.decoder),
    target: counter.watchTarget(target, () => onProgress(counter)),
    clock,
    knobs,
    signal,
    recording: false,
    stallTimeoutMs: STALL_TIMEOUT_MS,
  });
  try {
    await ports.restore(strategy, clock.now());
  } catch (error) {
    await pool.reset();
    throw error;
  }
  return counter;
}
