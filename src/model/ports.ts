import type { Image, Slot } from './image.ts';

/** When a fetch reached its stages, on the clock of the trial. */
export interface FetchTiming {
  readonly requestSentMs: number;
  readonly firstByteMs: number;
  readonly lastByteMs: number;
  /** Which connection carried it, counted from 0. */
  readonly connection: number;
}

/** When a worker decoded, on the clock of the trial. */
export interface DecodeTiming {
  readonly startedMs: number;
  readonly endedMs: number;
  /** Which decode thread, counted from 1; 0 is the main thread. */
  readonly worker: number;
}

/** A chunk as it came off the wire, still encoded. A strategy only hands it on. */
export interface EncodedChunk {
  /** Length of the data blob, bytes. */
  readonly encodedBytes: number;
  readonly timing?: FetchTiming;
}

/** A handle to one decoded and verified chunk, held where it was decoded. A strategy only hands it on. */
export interface PlainChunk {
  /** Plain bytes. */
  readonly length: number;
  readonly timing?: DecodeTiming;
}

/** Where encoded chunks come from: PBS reader sessions, or models of link and storage. */
export interface ChunkSource {
  /** Rejects with the signal's reason when aborted, and with a KnownError when the server fails or refuses. */
  fetch(digest: string, signal: AbortSignal): Promise<EncodedChunk>;
}

/** CRC, decompression and the proof that the bytes are those of the digest. */
export interface ChunkDecoder {
  /** Takes over `chunk`. Rejects with an IntegrityError where the bytes are not the slot's. */
  decode(chunk: EncodedChunk, slot: Slot): Promise<PlainChunk>;
}

/** Where restored bytes go. */
export interface RestoreTarget {
  /** Takes over `chunk`; resolves when the write has returned. */
  write(offset: number, chunk: PlainChunk): Promise<void>;
  writeZeroes(offset: number, length: number): Promise<void>;
  /** After the last write; resolves when the image is as durable as the target promises. */
  finish(): Promise<void>;
}

export interface Clock {
  /** Milliseconds on a monotonic clock, with sub-millisecond digits. */
  now(): number;
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Everything a strategy sees. */
export interface RestoreContext {
  readonly image: Image;
  /** The first session's: all there is unless the knob `connections` is above 1. */
  readonly source: ChunkSource;
  /** One for each session. A strategy that uses several decides which one carries a chunk. */
  readonly sources: readonly ChunkSource[];
  readonly decoder: ChunkDecoder;
  readonly target: RestoreTarget;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Chunks held at once, from the request until the write has returned. */
  readonly inFlight: number;
  /** Whether to give way to others on the same path. */
  readonly polite: boolean;
}

/** Knobs that a scenario can set for a strategy, beside its name. */
export interface StrategyKnobs {
  readonly inFlight: number;
  /** Worker threads that decode; 0 decodes on the main thread. */
  readonly decodeThreads: number;
  /** Writes at a time. */
  readonly writers: number;
  /** Bound on encoded plus decoded bytes held. */
  readonly bufferBytes: number;
  /** Sessions opened, each on a TLS connection of its own. */
  readonly connections: number;
  /** Whether the restore gives way when its chunks take longer than they would alone. */
  readonly polite: boolean;
}

/** A way to restore an image. It schedules; it neither measures nor proves. */
export interface Strategy {
  readonly name: string;
  /** What it does and which program it stands for, one line for `--help`. */
  readonly summary: string;
  /** This strategy's own defaults, `connections` being 1 without one; `fixed` ones cannot be set. */
  readonly defaults: Pick<StrategyKnobs, 'inFlight' | 'decodeThreads'> & Partial<Pick<StrategyKnobs, 'connections'>>;
  readonly fixed: readonly (keyof StrategyKnobs)[];
  /** Writes come in index order, so that a stream can be the target; absent where they come as chunks complete. */
  readonly writesInOrder?: true;
  /** Resolves when every slot is written; `finish` of the target is called by the harness. */
  restore(context: RestoreContext): Promise<void>;
}
