import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';

import { monotonicNow } from '../clock/monotonic.ts';
import { toSentError } from '../decode/thread-messages.ts';
import type { ReadAnswer, ReadRequest } from './read-messages.ts';

/** Enough to have the disk go there, and little enough that its transfer does not count as waiting. */
const FIRST_BYTES = 64 * 1024;

/** One read thread: one file at a time, as a thread of PBS's verify reads them. */
function readFile({ path, buffer }: ReadRequest): ReadAnswer {
  const startedMs = monotonicNow();
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    if (size > buffer.byteLength) return { kind: 'longer', bytes: size };
    const memory = new Uint8Array(buffer);
    let bytes = readSync(file, memory, 0, Math.min(size, FIRST_BYTES), null);
    const firstByteMs = monotonicNow();
    while (bytes < size) {
      const more = readSync(file, memory, bytes, size - bytes, null);
      if (more === 0) break;
      bytes += more;
    }
    return { kind: 'read', bytes, startedMs, firstByteMs, lastByteMs: monotonicNow() };
  } finally {
    closeSync(file);
  }
}

parentPort?.on('message', (request: ReadRequest) => {
  let answer: ReadAnswer;
  try {
    answer = readFile(request);
  } catch (error) {
    answer = { kind: 'failed', error: toSentError(error) };
  }
  parentPort?.postMessage(answer);
});
