import type { SentError } from '../decode/thread-messages.ts';

/** What a read thread is asked for: a file, into memory that it shares. */
export interface ReadRequest {
  readonly path: string;
  readonly buffer: SharedArrayBuffer;
}

/** Times in milliseconds on CLOCK_MONOTONIC. */
export type ReadAnswer =
  | {
      readonly kind: 'read';
      readonly bytes: number;
      readonly startedMs: number;
      /** The file was opened and its beginning is there. */
      readonly firstByteMs: number;
      readonly lastByteMs: number;
    }
  /** It does not fit; nothing was read. */
  | { readonly kind: 'longer'; readonly bytes: number }
  | { readonly kind: 'failed'; readonly error: SentError };
