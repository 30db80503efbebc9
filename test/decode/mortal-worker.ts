import { workerData } from 'node:worker_threads';

import { Bell, replies, requests, ThreadMemory } from '../../src/decode/thread-memory.ts';
import type { ThreadStart } from '../../src/decode/thread-messages.ts';

/** Length of the chunk that it ends at. */
const DEADLY_BYTES = 666;

// A decode thread that believes every chunk, and ends at one of a certain length, as running out of memory would.
const start = workerData as ThreadStart;
const memory = new ThreadMemory(start.memory);
const bell = new Bell(start.bell);
for (;;) {
  const entry = memory.requests.take();
  if (entry === undefined) {
    memory.requests.wait();
  } else if (entry.kind === requests.decode) {
    if (memory.decodeRequest(entry.place).expected.length === DEADLY_BYTES) process.exit(3);
    memory.putDecoded(entry.place, { isInSlab: true, startedMs: 0, endedMs: 0, pausedMs: 0 });
    memory.replies.put({ place: entry.place, kind: replies.decoded });
    bell.ring();
  }
}
