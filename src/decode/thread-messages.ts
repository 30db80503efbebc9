import type { MessagePort } from 'node:worker_threads';

import { IntegrityError, KnownError, MachineError, systemErrorCode, UsageError } from '../model/errors.ts';

/** What a decode thread is started with. */
export interface ThreadStart {
  /** For a `ThreadMemory`. */
  readonly memory: SharedArrayBuffer;
  /** For a `Bell`. */
  readonly bell: SharedArrayBuffer;
  /** For a `CryptConfig`: the key of the archive whose chunks are decoded. */
  readonly key?: Uint8Array;
  /** For what is rare: {@link SlabNews} in, {@link SentError} out. Read when the memory says so. */
  readonly port: MessagePort;
}

/** A slab that the thread will hear of next, or will not hear of again. */
export type SlabNews =
  | { readonly kind: 'new'; readonly slab: number; readonly buffer: SharedArrayBuffer }
  | { readonly kind: 'gone'; readonly slab: number };

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
