import type { EncodedChunk, FetchTiming } from './ports.ts';

/** Memory that was lent for one chunk. Whoever has it last gives it back. */
export interface LentMemory {
  /** Of the buffer, unique in the process: a thread that knows the buffer needs only this. */
  readonly slab: number;
  readonly buffer: SharedArrayBuffer;
  /** False from the moment at which it may hold another chunk. */
  readonly isLent: boolean;
  /** Nobody may read or write it any more. Harmless the second time. */
  giveBack(): void;
}

/** An encoded chunk whose bytes are in this process: what a real source hands to a real decoder. */
export interface ReceivedChunk extends EncodedChunk {
  /** That was asked for; nothing is known yet about the bytes. */
  readonly digest: string;
  /** The whole data blob, at the start of {@link memory}. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly timing: FetchTiming;
  /** A decoder takes it over. */
  readonly memory: LentMemory;
}
