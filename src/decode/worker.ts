import { parentPort, receiveMessageOnPort, type MessagePort } from 'node:worker_threads';

import { decodeChunk } from './decode-chunk.ts';
import { freeBytes, writeBytes } from './held-chunk.ts';
import { monotonicMs } from './monotonic-time.ts';
import { toSentError, type ThreadReply, type ThreadRequest } from './thread-messages.ts';

type DecodeRequest = Extract<ThreadRequest, { kind: 'decode' }>;
type WriteRequest = Extract<ThreadRequest, { kind: 'write' }>;

/** One decode thread: decodes in the order of asking and keeps the plain bytes until they are written or released. */
function serveDecodes(port: MessagePort): void {
  const waiting: DecodeRequest[] = [];
  const held: Map<number, Uint8Array> = new Map();
  let pausedMs = 0;

  port.on('message', (request: ThreadRequest) => {
    accept(request);
    acceptArrived();
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      decode(next);
      acceptArrived();
    }
  });

  function accept(request: ThreadRequest): void {
    if (request.kind === 'decode') {
      waiting.push(request);
    } else if (request.kind === 'write') {
      write(request);
    } else {
      const bytes = take(request.id);
      if (bytes !== undefined) freeBytes(bytes);
    }
  }

  /**
   * Writes go before decodes, and into their pauses: with one writer at a time, a write that waited for a whole decode
   * of its thread would hold up all threads.
   */
  function acceptArrived(): void {
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
      accept(next.message as ThreadRequest);
    }
  }

  function pause(): void {
    const startedMs = monotonicMs();
    acceptArrived();
    pausedMs += monotonicMs() - startedMs;
  }

  function decode({ id, bytes, expected }: DecodeRequest): void {
    const startedMs = monotonicMs();
    pausedMs = 0;
    try {
      const plain = decodeChunk(bytes, expected, pause);
      held.set(id, plain);
      if (plain.buffer !== bytes.buffer) freeBytes(bytes);
      reply({ kind: 'decoded', id, startedMs, endedMs: monotonicMs(), pausedMs });
    } catch (error) {
      freeBytes(bytes);
      reply({ kind: 'failed', id, error: toSentError(error) });
    }
  }

  function write({ id, sink, offset }: WriteRequest): void {
    try {
      const bytes = take(id);
      if (bytes === undefined) throw new Error(`the chunk for offset ${offset} is not held here`);
      reply({ kind: 'written', id, receipt: writeBytes(bytes, sink, offset, threadCpuMs) });
    } catch (error) {
      reply({ kind: 'failed', id, error: toSentError(error) });
    }
  }

  function take(id: number): Uint8Array | undefined {
    const bytes = held.get(id);
    held.delete(id);
    return bytes;
  }

  function reply(message: ThreadReply): void {
    port.postMessage(message);
  }
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

if (parentPort !== null) serveDecodes(parentPort);
