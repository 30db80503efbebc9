import type { DecoderPool } from '../decode/decoder-pool.ts';
import {
  asMachineError,
  exitCodes,
  IntegrityError,
  isUnreadable,
  KnownError,
  systemErrorCode,
} from '../model/errors.ts';
import { Permits } from '../model/permits.ts';
import type { Clock } from '../model/ports.ts';
import type { ReceivedChunk } from '../model/received-chunk.ts';
import { withTaskGroup } from '../model/task-group.ts';
import type { ListedChunk } from './chunk-list.ts';
import type { ReadFile, ReadThreads } from './read-threads.ts';

/** When a chunk that is sound reached its stages, on the clock of the run. */
export interface VerifiedChunk {
  readonly chunk: ListedChunk;
  readonly encodedBytes: number;
  readonly readThread: number;
  readonly verifyThread: number;
  /** A read thread was asked. */
  readonly calledMs: number;
  readonly readStartedMs: number;
  readonly firstByteMs: number;
  readonly lastByteMs: number;
  readonly decodeStartedMs: number;
  readonly decodedMs: number;
}

export interface VerifyChunksOptions {
  readonly chunks: AsyncIterable<ListedChunk>;
  readonly pathOf: (digest: string) => string;
  readonly readers: ReadThreads;
  readonly readThreads: number;
  readonly decoder: DecoderPool;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onVerified: (verified: VerifiedChunk) => void;
  readonly onDamaged: (chunk: ListedChunk, error: KnownError) => void;
}

/**
 * Reads and checks chunks: so many files at a time are read, one after the other in the order given, and what was read
 * waits for a verify thread as long as there is memory for it. A damaged chunk is told of and the others go on.
 * Rejects with a MachineError where this machine cannot read, and with the signal's reason.
 */
export async function verifyChunks(options: VerifyChunksOptions): Promise<void> {
  const { chunks, readThreads, signal, onDamaged } = options;
  const reading = new Permits(readThreads);
  await withTaskGroup(signal, async (group) => {
    for await (const chunk of chunks) {
      await reading.take(group.signal);
      void group.track(
        verifyChunk(chunk, { ...options, signal: group.signal }, () => reading.give()).catch((error: unknown) => {
          if (error instanceof KnownError && error.exitCode === exitCodes.failed) onDamaged(chunk, error);
          else throw error;
        }),
      );
    }
  });
}

async function verifyChunk(
  chunk: ListedChunk,
  { pathOf, readers, decoder, clock, signal, onVerified }: VerifyChunksOptions,
  hasRead: () => void,
): Promise<void> {
  const { digest } = chunk;
  const calledMs = clock.now();
  let file: ReadFile;
  try {
    file = await readers.read(pathOf(digest), chunk.length, signal);
  } catch (error) {
    throw chunkError(error, pathOf(digest));
  } finally {
    hasRead();
  }
  const { bytes, loan, timing } = file;
  const received: ReceivedChunk = { digest, bytes, encodedBytes: bytes.length, timing, memory: loan };
  const held = await decoder.decode(received, chunk);
  held.release();
  onVerified({
    chunk,
    encodedBytes: bytes.length,
    readThread: timing.connection,
    verifyThread: held.timing.worker,
    calledMs,
    readStartedMs: timing.requestSentMs,
    firstByteMs: timing.firstByteMs,
    lastByteMs: timing.lastByteMs,
    decodeStartedMs: held.timing.startedMs,
    decodedMs: held.timing.endedMs,
  });
}

/** What is wrong with a file is a finding; that this process may not read it, or has no descriptors, is none. */
function chunkError(error: unknown, path: string): unknown {
  const code = systemErrorCode(error);
  // Where the folder of a chunk is a file there is no chunk either.
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new IntegrityError('the chunk is missing', { code: 'chunk-missing', cause: error });
  const known = asMachineError(error, `reading ${path}`);
  if ((known instanceof KnownError && !isUnreadable(known)) || code === undefined) return known;
  return new IntegrityError(`the chunk cannot be read: ${(error as Error).message}`, {
    code: 'chunk-unreadable',
    cause: error,
  });
}
