import { IntegrityError, KnownError, MachineError, systemErrorCode, UsageError } from '../model/errors.ts';
import type { ExpectedChunk } from './decode-chunk.ts';
import type { ChunkSink, WriteReceipt } from './held-chunk.ts';

/** To a decode thread. `id` names a chunk; the thread keeps its bytes from `decode` until `write` or `release`. */
export type ThreadRequest =
  | {
      readonly kind: 'decode';
      readonly id: number;
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly expected: ExpectedChunk;
    }
  | { readonly kind: 'write'; readonly id: number; readonly sink: ChunkSink; readonly offset: number }
  | { readonly kind: 'release'; readonly id: number };

/** From a decode thread: one for each `decode` and `write`. */
export type ThreadReply =
  | {
      readonly kind: 'decoded';
      readonly id: number;
      readonly startedMs: number;
      readonly endedMs: number;
      /** Time between these two that went into writes of other chunks. */
      readonly pausedMs: number;
      /** The received buffer, where the plain bytes are elsewhere. */
      readonly memory?: ArrayBuffer;
    }
  | {
      readonly kind: 'written';
      readonly id: number;
      readonly receipt: WriteReceipt;
      /** The received buffer, where the plain bytes were in it. */
      readonly memory?: ArrayBuffer;
    }
  | { readonly kind: 'failed'; readonly id: number; readonly error: SentError };

/** An error between threads: cloning keeps neither its class nor its code. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly hint?: string;
  readonly stack?: string;
}

export function toSentError(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { name, message, stack } = error;
  const code = systemErrorCode(error);
  const hint = error instanceof KnownError ? error.hint : undefined;
  return {
    name,
    message,
    ...(code === undefined ? {} : { code }),
    ...(hint === undefined ? {} : { hint }),
    ...(stack === undefined ? {} : { stack }),
  };
}

export function fromSentError({ name, message, code, hint, stack }: SentError): Error {
  if (code !== undefined) {
    const details = { code, ...(hint === undefined ? {} : { hint }) };
    if (name === IntegrityError.name) return new IntegrityError(message, details);
    if (name === MachineError.name) return new MachineError(message, details);
    if (name === UsageError.name) return new UsageError(message, details);
  }
  const error = new Error(message);
  return Object.assign(error, { name }, code === undefined ? {} : { code }, stack === undefined ? {} : { stack });
}
