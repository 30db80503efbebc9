import { encryptions, type ExpectedChunk } from './decode-chunk.ts';
import type { ChunkSink, WriteReceipt } from './held-chunk.ts';

/** Chunks that one thread can have at a time: as many as a strategy may have in flight at most. */
export const PLACES = 1024;

/** What a thread is asked to do with the chunk of a place; `mail` is to look at its port. */
export const requests = { decode: 0, write: 1, release: 2, mail: 3 } as const;

/** What became of it; the error of `failed` is on the port. */
export const replies = { decoded: 0, written: 1, released: 2, failed: 3 } as const;

/** A place and what is said about it, in one word. */
const KIND_BITS = 2;

export interface DecodeRequest {
  readonly slab: number;
  readonly encodedBytes: number;
  readonly expected: ExpectedChunk;
}

export interface WriteRequest {
  readonly sink: ChunkSink;
  readonly offset: number;
}

/** Times in milliseconds on CLOCK_MONOTONIC. */
export interface DecodeReply {
  /** The plain bytes are in the slab, which must be kept until they were written. */
  readonly isInSlab: boolean;
  readonly startedMs: number;
  readonly endedMs: number;
  /** Time between these two that went into writes of other chunks. */
  readonly pausedMs: number;
}

/** Words of 4 bytes in the record of a place. Two for each of the last ones, which are doubles. */
const RECORD_WORDS = 32;
const word = {
  slab: 0,
  encodedBytes: 1,
  plainBytes: 2,
  file: 3,
  isInSlab: 4,
  crc32: 5,
  isStream: 6,
  encryption: 7,
  digest: 8,
} as const;
const double = { offset: 8, startedMs: 9, endedMs: 10, pausedMs: 11, cpuMs: 12 } as const;
const DIGEST_BYTES = 32;
const NO_FILE = -1;

/** A request for each place and one piece of mail for each slab that is forgotten fit in at the same time. */
const RING_WORDS = 4 * PLACES;
const RECORDS_AT = 64 + 2 * RING_WORDS;

/** Makes the memory that a {@link ThreadMemory} is a view of. */
export function newThreadMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * (RECORDS_AT + PLACES * RECORD_WORDS));
}

/**
 * What the main thread and one decode thread say to each other: a ring of requests, a ring of replies, and a record for
 * each chunk. Four messages per chunk by `postMessage` took 140 microseconds of CPU time, a twentieth of what its SHA-256
 * takes; this way it is 50, nearly all of it for waking up. A record belongs to whoever was spoken to last about its place.
 */
export class ThreadMemory {
  readonly requests: Ring;
  readonly replies: Ring;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #bytes: Buffer;

  constructor(shared: SharedArrayBuffer) {
    this.#words = new Int32Array(shared);
    this.#doubles = new Float64Array(shared);
    this.#bytes = Buffer.from(shared);
    // 64 bytes apart: the two ends would otherwise take one cache line from each other all the time.
    this.requests = new Ring(this.#words, 0, 64);
    this.replies = new Ring(this.#words, 32, 64 + RING_WORDS);
  }

  putDecode(place: number, { slab, encodedBytes, expected }: DecodeRequest): void {
    const at = wordsAt(place);
    this.#words[at + word.slab] = slab;
    this.#words[at + word.encodedBytes] = encodedBytes;
    this.#words[at + word.plainBytes] = expected.length;
    // -1 where it goes without saying.
    this.#words[at + word.encryption] = encryptions.findIndex((name) => name === expected.encryption);
    this.#bytes.write(expected.digest, 4 * (at + word.digest), DIGEST_BYTES, 'hex');
  }

  decodeRequest(place: number): DecodeRequest {
    const at = wordsAt(place);
    const digestAt = 4 * (at + word.digest);
    const encryption = encryptions[this.#word(at + word.encryption)];
    return {
      slab: this.#word(at + word.slab),
      encodedBytes: this.#word(at + word.encodedBytes),
      expected: {
        length: this.#word(at + word.plainBytes),
        digest: this.#bytes.toString('hex', digestAt, digestAt + DIGEST_BYTES),
        ...(encryption === undefined ? {} : { encryption }),
      },
    };
  }

  putDecoded(place: number, { isInSlab, startedMs, endedMs, pausedMs }: DecodeReply): void {
    this.#words[wordsAt(place) + word.isInSlab] = isInSlab ? 1 : 0;
    const at = doublesAt(place);
    this.#doubles[at + double.startedMs] = startedMs;
    this.#doubles[at + double.endedMs] = endedMs;
    this.#doubles[at + double.pausedMs] = pausedMs;
  }

  decodeReply(place: number): DecodeReply {
    const at = doublesAt(place);
    return {
      isInSlab: this.#word(wordsAt(place) + word.isInSlab) === 1,
      startedMs: this.#double(at + double.startedMs),
      endedMs: this.#double(at + double.endedMs),
      pausedMs: this.#double(at + double.pausedMs),
    };
  }

  putWrite(place: number, { sink, offset }: WriteRequest): void {
    this.#words[wordsAt(place) + word.file] = sink.kind === 'checksum' ? NO_FILE : sink.fd;
    this.#words[wordsAt(place) + word.isStream] = sink.kind === 'stream' ? 1 : 0;
    this.#doubles[doublesAt(place) + double.offset] = offset;
  }

  writeRequest(place: number): WriteRequest {
    const fd = this.#word(wordsAt(place) + word.file);
    const kind = this.#word(wordsAt(place) + word.isStream) === 1 ? 'stream' : 'file';
    return {
      sink: fd === NO_FILE ? { kind: 'checksum' } : { kind, fd },
      offset: this.#double(doublesAt(place) + double.offset),
    };
  }

  putWritten(place: number, { startedMs, endedMs, cpuMs, crc32 = 0 }: WriteReceipt): void {
    this.#words[wordsAt(place) + word.crc32] = crc32;
    const at = doublesAt(place);
    this.#doubles[at + double.startedMs] = startedMs;
    this.#doubles[at + double.endedMs] = endedMs;
    this.#doubles[at + double.cpuMs] = cpuMs;
  }

  /** The receipt of the write that was put here last. */
  receipt(place: number): WriteReceipt {
    const [words, at] = [wordsAt(place), doublesAt(place)];
    return {
      offset: this.#double(at + double.offset),
      length: this.#word(words + word.plainBytes),
      ...(this.#word(words + word.file) === NO_FILE ? { crc32: this.#word(words + word.crc32) >>> 0 } : {}),
      startedMs: this.#double(at + double.startedMs),
      endedMs: this.#double(at + double.endedMs),
      cpuMs: this.#double(at + double.cpuMs),
    };
  }

  #word(at: number): number {
    return this.#words[at] ?? 0;
  }

  #double(at: number): number {
    return this.#doubles[at] ?? NaN;
  }
}

const wordsAt = (place: number): number => RECORDS_AT + place * RECORD_WORDS;
const doublesAt = (place: number): number => wordsAt(place) / 2;

/** What is said about a place. */
export interface RingEntry<Kind extends number = number> {
  readonly place: number;
  readonly kind: Kind;
}

/** Words from one thread to another, in order; each end has a Ring of its own over the same memory. */
class Ring {
  readonly #words: Int32Array;
  /** Where the number of words ever put stands. */
  readonly #counter: number;
  readonly #start: number;
  /** Words put, at the one end, or taken, at the other; modulo 2^32. */
  #passed = 0;

  constructor(words: Int32Array, counter: number, start: number) {
    this.#words = words;
    this.#counter = counter;
    this.#start = start;
  }

  put({ place, kind }: RingEntry): void {
    this.#words[this.#start + (this.#passed & (RING_WORDS - 1))] = (place << KIND_BITS) | kind;
    this.#passed = (this.#passed + 1) | 0;
    Atomics.store(this.#words, this.#counter, this.#passed);
    Atomics.notify(this.#words, this.#counter);
  }

  /** The next word that was not taken yet. */
  take(): RingEntry | undefined {
    if (Atomics.load(this.#words, this.#counter) === this.#passed) return undefined;
    const taken = this.#words[this.#start + (this.#passed & (RING_WORDS - 1))] ?? 0;
    this.#passed = (this.#passed + 1) | 0;
    return { place: taken >> KIND_BITS, kind: taken & ((1 << KIND_BITS) - 1) };
  }

  /** Sleeps until there is one. */
  wait(): void {
    Atomics.wait(this.#words, this.#counter, this.#passed);
  }
}

/** One bell for all threads of a pool: it tells the main thread that some ring of replies has something in it. */
export class Bell {
  readonly shared: SharedArrayBuffer;
  readonly #count: Int32Array;

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(4)) {
    this.shared = shared;
    this.#count = new Int32Array(shared);
  }

  ring(): void {
    Atomics.add(this.#count, 0, 1);
    Atomics.notify(this.#count, 0);
  }

  /** Rings so far, modulo 2^32. */
  get rung(): number {
    return Atomics.load(this.#count, 0);
  }

  /** Resolves when it has rung more often than that. Does not keep the process alive. */
  async rungMoreThan(rung: number): Promise<void> {
    const waiting = Atomics.waitAsync(this.#count, 0, rung);
    if (waiting.async) await waiting.value;
  }
}
