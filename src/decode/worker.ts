import { receiveMessageOnPort, workerData } from 'node:worker_threads';

import { monotonicNow } from '../clock/monotonic.ts';
import { freeBytes } from '../memory/free-bytes.ts';
import { CryptConfig } from '../pbs/format/crypt-config.ts';
import { CpuEstimate } from './cpu-estimate.ts';
import { decodeChunk, type DecodeChunkOptions } from './decode-chunk.ts';
import { writeBytes } from './held-chunk.ts';
import { Bell, replies, requests, ThreadMemory } from './thread-memory.ts';
import { toSentError, type SlabNews, type ThreadStart } from './thread-messages.ts';

/** One decode thread: decodes in the order of asking and keeps the plain bytes until they are written or released. */
function serveDecodes({ memory: shared, bell: sharedBell, port, key }: ThreadStart): void {
  const options: DecodeChunkOptions = {
    onPause: pause,
    ...(key === undefined ? {} : { crypt: new CryptConfig(key) }),
  };
  const memory = new ThreadMemory(shared);
  const bell = new Bell(sharedBell);
  /** By their number: a view of what was received into it last. */
  const slabs: Map<number, Uint8Array<SharedArrayBuffer>> = new Map();
  /** Places of chunks that wait to be decoded. */
  const waiting: number[] = [];
  /** Plain bytes by place. */
  const held: Map<number, Uint8Array> = new Map();
  const proofCost = new CpuEstimate();
  let pausedMs = 0;

  for (;;) {
    acceptArrived();
    const next = waiting.shift();
    if (next === undefined) memory.requests.wait();
    else decode(next);
  }

  /**
   * Writes go before decodes, and into their pauses: with one writer at a time, a write that waited for a whole decode
   * of its thread would hold up all threads.
   */
  function acceptArrived(): void {
    for (let entry = memory.requests.take(); entry !== undefined; entry = memory.requests.take()) {
      const { place, kind } = entry;
      if (kind === requests.decode) waiting.push(place);
      else if (kind === requests.mail) readMail();
      else if (kind === requests.write) attempt(place, () => write(place));
      else release(place);
    }
  }

  function pause(): void {
    const startedMs = monotonicNow();
    acceptArrived();
    pausedMs += monotonicNow() - startedMs;
  }

  function readMail(): void {
    for (let mail = receiveMessageOnPort(port); mail !== undefined; mail = receiveMessageOnPort(port)) {
      const news = mail.message as SlabNews;
      if (news.kind === 'new') slabs.set(news.slab, new Uint8Array(news.buffer));
      else slabs.delete(news.slab);
    }
  }

  function decode(place: number): void {
    attempt(place, () => {
      const startedMs = monotonicNow();
      pausedMs = 0;
      const { slab, encodedBytes, expected } = memory.decodeRequest(place);
      const encoded = received(slab, encodedBytes);
      const plain = decodeChunk(encoded, expected, options);
      held.set(place, plain);
      const isInSlab = plain.buffer === encoded.buffer;
      memory.putDecoded(place, { isInSlab, startedMs, endedMs: monotonicNow(), pausedMs });
      return replies.decoded;
    });
  }

  function received(slab: number, length: number): Uint8Array<SharedArrayBuffer> {
    const known = slabs.get(slab);
    if (known === undefined) throw new Error(`slab ${slab} is not known here`);
    if (known.length === length) return known;
    const view = new Uint8Array(known.buffer, 0, length);
    slabs.set(slab, view);
    return view;
  }

  function write(place: number): number {
    const { sink, offset } = memory.writeRequest(place);
    const plain = held.get(place);
    if (plain === undefined) throw new Error(`the chunk for offset ${offset} is not held here`);
    try {
      memory.putWritten(place, writeBytes(plain, sink, offset, proofCost));
    } finally {
      letGo(place, plain);
    }
    return replies.written;
  }

  function release(place: number): void {
    const plain = held.get(place);
    if (plain !== undefined) letGo(place, plain);
    reply(place, replies.released);
  }

  function letGo(place: number, plain: Uint8Array): void {
    held.delete(place);
    freeBytes(plain);
  }

  /** Does what was asked for a place, and says what became of it. */
  function attempt(place: number, work: () => number): void {
    let kind: number;
    try {
      kind = work();
    } catch (error) {
      port.postMessage(toSentError(error));
      kind = replies.failed;
    }
    reply(place, kind);
  }

  function reply(place: number, kind: number): void {
    memory.replies.put({ place, kind });
    bell.ring();
  }
}

serveDecodes(workerData as ThreadStart);
