import { parentPort, receiveMessageOnPort, type MessagePort } from 'node:worker_threads';

import { CpuEstimate } from './cpu-estimate.ts';
import { decodeChunk } from './decode-chunk.ts';
import { freeBytes, writeBytes } from './held-chunk.ts';
import { monotonicNow } from '../clock/monotonic.ts';
import { toSentError, type ThreadReply, type ThreadRequest } from './thread-messages.ts';

type DecodeRequest = Extract<ThreadRequest, { kind: 'decode' }>;
type WriteRequest = Extract<ThreadRequest, { kind: 'write' }>;

interface HeldBytes {
  readonly plain: Uint8Array;
  /** The received buffer, where the plain bytes are in it; it goes back when they were written. */
  readonly memory?: ArrayBuffer;
}

/** One decode thread: decodes in the order of asking and keeps the plain bytes until they are written or released. */
function serveDecodes(port: MessagePort): void {
  const waiting: DecodeRequest[] = [];
  const held: Map<number, HeldBytes> = new Map();
  const proofCost = new CpuEstimate();
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
      const { plain, memory } = take(request.id) ?? {};
      if (plain !== undefined && memory === undefined) freeBytes(plain);
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
    const startedMs = monotonicNow();
    acceptArrived();
    pausedMs += monotonicNow() - startedMs;
  }

  function decode({ id, bytes, expected }: DecodeRequest): void {
    const startedMs = monotonicNow();
    pausedMs = 0;
    try {
      const plain = decodeChunk(bytes, expected, pause);
      const times = { startedMs, endedMs: monotonicNow(), pausedMs };
      if (plain.buffer === bytes.buffer) {
        held.set(id, { plain, memory: bytes.buffer });
        reply({ kind: 'decoded', id, ...times });
      } else {
        held.set(id, { plain });
        reply({ kind: 'decoded', id, ...times, memory: bytes.buffer });
      }
    } catch (error) {
      reply({ kind: 'failed', id, error: toSentError(error) });
    }
  }

  function write({ id, sink, offset }: WriteRequest): void {
    try {
      const chunk = take(id);
      if (chunk === undefined) throw new Error(`the chunk for offset ${offset} is not held here`);
      const { plain, memory } = chunk;
      const receipt = writeBytes(plain, sink, offset, proofCost);
      if (memory === undefined) freeBytes(plain);
      reply({ kind: 'written', id, receipt, ...(memory === undefined ? {} : { memory }) });
    } catch (error) {
      reply({ kind: 'failed', id, error: toSentError(error) });
    }
  }

  function take(id: number): HeldBytes | undefined {
    const chunk = held.get(id);
    held.delete(id);
    return chunk;
  }

  function reply(message: ThreadReply): void {
    const memory = message.kind === 'failed' ? undefined : message.memory;
    port.postMessage(message, memory === undefined ? [] : [memory]);
  }
}

if (parentPort !== null) serveDecodes(parentPort);
