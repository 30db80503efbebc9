import type { EncodedChunk, FetchTiming } from './ports.ts';

/** An encoded chunk whose bytes are in this process: what a real source hands to a real decoder. */
export interface ReceivedChunk extends EncodedChunk {
  /** That was asked for; nothing is known yet about the bytes. */
  readonly digest: string;
  /**
   * The whole data blob, at the start of a buffer that holds nothing else. A decoder takes the buffer over; afterwards
   * its bytes belong to the decoded chunk, or it is detached because another thread has it.
   */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly timing: FetchTiming;
  /** Takes the buffer back for another chunk once nothing needs its bytes. Need not be called. */
  readonly reuse?: (memory: ArrayBuffer) => void;
}
