import { parentPort } from 'node:worker_threads';

import type { ThreadReply, ThreadRequest } from '../../src/decode/thread-messages.ts';

// A decode thread that believes every chunk, and ends at one with the digest `die`, as running out of memory would.
parentPort?.on('message', (request: ThreadRequest) => {
  if (request.kind !== 'decode') return;
  if (request.expected.digest === 'die') process.exit(3);
  const reply: ThreadReply = { kind: 'decoded', id: request.id, startedMs: 0, endedMs: 0, pausedMs: 0 };
  parentPort?.postMessage(reply);
});
