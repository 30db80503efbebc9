import { writeSync } from 'node:fs';

import { systemErrorCode } from '../model/errors.ts';

/** A pipe of the usual 64 KiB is read in some 20 microseconds, and one whose reader is slow needs no attention. */
const FIRST_PAUSE_MS = 0.05;
const LONGEST_PAUSE_MS = 10;

const never: Int32Array = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes all bytes to a pipe, terminal, socket or file, behind what was written before. Node.js makes pipes that it has
 * as standard streams non-blocking, so one that is full is asked again after a pause, in which this thread sleeps but
 * can be ended, unlike in a write that blocks.
 */
export function writeToStream(fd: number, bytes: Uint8Array): void {
  let pauseMs = FIRST_PAUSE_MS;
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(fd, bytes, done, bytes.length - done);
      pauseMs = FIRST_PAUSE_MS;
    } catch (error) {
      if (systemErrorCode(error) !== 'EAGAIN') throw error;
      Atomics.wait(never, 0, 0, pauseMs);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
  }
}
