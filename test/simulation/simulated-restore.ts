import assert from 'node:assert/strict';

import type { Image, Slot } from '../../src/model/image.ts';
import type {
  ChunkDecoder,
  ChunkSource,
  Clock,
  RestoreContext,
  RestoreTarget,
  Strategy,
} from '../../src/model/ports.ts';
import { SimulatedDecoder, SimulatedServer, SimulatedTarget } from '../../src/simulation/ports.ts';
import { VirtualClock } from '../../src/simulation/virtual-clock.ts';

/** Of the images of these tests, bytes; the encoded chunks have the same length. */
export const CHUNK_SIZE = 1024;

/** An image from a picture of its slots: `D` is data, `0` is zeros, `s` a short data slot at the end of 100 bytes. */
export function imageOf(picture: string): Image {
  const slots: readonly Slot[] = Array.from(picture, (kind, index) => ({
    index,
    offset: index * CHUNK_SIZE,
    length: kind === 's' ? 100 : CHUNK_SIZE,
    digest: kind === '0' ? 'f'.repeat(64) : index.toString(16).padStart(64, '0'),
    isZero: kind === '0',
  }));
  const size = slots.reduce((sum, { length }) => sum + length, 0);
  return { size, chunkSize: CHUNK_SIZE, slotCount: slots.length, slots: () => slots };
}

export const slotOfDigest = (digest: string): number => Number.parseInt(digest, 16);

export interface Costs {
  readonly roundTripMs?: number;
  readonly linkMs?: number;
  /** Of one connection, where it is slower than the link; a multiple of `linkMs`. */
  readonly connectionMs?: number;
  /** Sessions, each on a connection of its own. */
  readonly connections?: number;
  readonly readLatencyMs?: number;
  readonly queueDepth?: number;
  /** A chunk's share of the disk's bandwidth. */
  readonly diskMs?: number;
  readonly decodeMs?: number | ((slot: Slot) => number);
  readonly decodeThreads?: number;
  readonly writeMs?: number | ((offset: number) => number);
  readonly writeZeroesMs?: number;
  readonly writers?: number;
  /** Added to single fetches before they reach the link, by slot. */
  readonly fetchDelayMs?: (slot: number) => number;
  /** Length of the blob of a slot; without it that of the chunk. */
  readonly encodedBytes?: (slot: number) => number;
}

export interface Ports {
  readonly sources: readonly ChunkSource[];
  readonly decoder: ChunkDecoder;
  readonly target: RestoreTarget;
}

/** A link and a disk that cost what is given; several restores may share them. */
export function simulatedServer(clock: Clock, costs: Costs): SimulatedServer {
  const { roundTripMs = 0, linkMs = 0, connectionMs = 0, readLatencyMs = 0, queueDepth = 1024, diskMs = 0 } = costs;
  const { encodedBytes = () => CHUNK_SIZE } = costs;
  const link = {
    roundTripMs,
    ...(linkMs === 0 ? {} : { rateBytesPerSecond: (CHUNK_SIZE * 1000) / linkMs }),
    ...(connectionMs === 0 ? {} : { connectionRateBytesPerSecond: (CHUNK_SIZE * 1000) / connectionMs }),
  };
  return new SimulatedServer({
    clock,
    link,
    storage: {
      readLatencyMs,
      queueDepth,
      ...(diskMs === 0 ? {} : { bandwidthBytesPerSecond: (CHUNK_SIZE * 1000) / diskMs }),
    },
    encodedBytes: (digest) => encodedBytes(slotOfDigest(digest)),
  });
}

/** Simulated ports that cost what is given and nothing else. */
export function simulatedPorts(
  clock: Clock,
  costs: Costs,
  server: SimulatedServer = simulatedServer(clock, costs),
): Ports {
  const { connections = 1, decodeThreads = 4, writers = 1, decodeMs = 0, writeMs = 0, writeZeroesMs = 0 } = costs;
  const { fetchDelayMs = () => 0 } = costs;
  return {
    sources: Array.from({ length: connections }, () => {
      const source = server.connect();
      return {
        async fetch(digest, signal) {
          await clock.sleep(fetchDelayMs(slotOfDigest(digest)), signal);
          return await source.fetch(digest, signal);
        },
      };
    }),
    decoder: new SimulatedDecoder({
      clock,
      decodeThreads,
      decodeMs: (slot) => (typeof decodeMs === 'number' ? decodeMs : decodeMs(slot)),
    }),
    target: new SimulatedTarget({
      clock,
      writers,
      writeMs: (offset) => (typeof writeMs === 'number' ? writeMs : writeMs(offset)),
      writeZeroesMs: () => writeZeroesMs,
    }),
  };
}

export interface ObservedWrite {
  readonly slot: number;
  readonly offset: number;
  readonly length: number;
  readonly zeroes: boolean;
  readonly calledMs: number;
  readonly returnedMs: number;
}

/** Which call of a port fails, counted from 1. */
export interface PlantedFault {
  readonly call: 'fetch' | 'decode' | 'write';
  readonly nth: number;
}

/** Ports that note what a strategy does with them. */
export class Observer {
  /** In the order in which they were called. */
  readonly fetches: { readonly slot: number; readonly calledMs: number }[] = [];
  /** Fetches called, by connection. */
  readonly fetchesOf: number[];
  /** In the order in which they returned. */
  readonly writes: ObservedWrite[] = [];
  /** Slots in the order in which their writes were called. */
  readonly writeCalls: number[] = [];
  /** Calls that were made later than the planted fault. */
  lateCalls = 0;
  /** Calls that have not settled. */
  running = 0;
  /** Data chunks between their request and the return of their write. */
  inFlight = 0;
  peakInFlight = 0;
  readonly ports: Ports;
  /** Calls begun, by kind. */
  readonly counts = { fetch: 0, decode: 0, write: 0 };

  constructor(clock: Clock, { sources, decoder, target }: Ports, fault?: PlantedFault) {
    this.fetchesOf = sources.map(() => 0);
    let failedMs = Infinity;
    const call = async <Result>(name: PlantedFault['call'], work: () => Promise<Result>): Promise<Result> => {
      this.counts[name] += 1;
      const fails = fault?.call === name && fault.nth === this.counts[name];
      this.running += 1;
      if (clock.now() > failedMs) this.lateCalls += 1;
      try {
        const result = await work();
        if (fails) failedMs = clock.now();
        if (fails) throw new Error(`planted: ${name} ${fault.nth}`);
        return result;
      } finally {
        this.running -= 1;
      }
    };
    const observeWrite = async (offset: number, length: number, zeroes: boolean, work: () => Promise<void>) => {
      const calledMs = clock.now();
      const slot = offset / CHUNK_SIZE;
      this.writeCalls.push(slot);
      await call('write', work);
      this.writes.push({ slot, offset, length, zeroes, calledMs, returnedMs: clock.now() });
    };
    this.ports = {
      sources: sources.map((source, connection) => ({
        fetch: async (digest, signal) => {
          this.fetchesOf[connection] = (this.fetchesOf[connection] ?? 0) + 1;
          this.fetches.push({ slot: slotOfDigest(digest), calledMs: clock.now() });
          this.inFlight += 1;
          this.peakInFlight = Math.max(this.peakInFlight, this.inFlight);
          return await call('fetch', () => source.fetch(digest, signal));
        },
      })),
      decoder: { decode: async (chunk, slot) => await call('decode', () => decoder.decode(chunk, slot)) },
      target: {
        write: async (offset, chunk) => {
          await observeWrite(offset, chunk.length, false, () => target.write(offset, chunk));
          this.inFlight -= 1;
        },
        writeZeroes: (offset, length) => observeWrite(offset, length, true, () => target.writeZeroes(offset, length)),
        finish: () => target.finish(),
      },
    };
  }
}

export interface RestoreOptions extends Costs {
  readonly image: Image;
  readonly inFlight?: number;
  readonly polite?: boolean;
  readonly fault?: PlantedFault;
  readonly abortAtMs?: number;
  /** Puts something between the strategy and the observed ports. */
  readonly wrap?: (context: RestoreContext) => RestoreContext;
}

export interface Restored {
  readonly clock: VirtualClock;
  readonly observed: Observer;
  readonly totalMs: number;
  /** What the strategy rejected with. */
  readonly error: unknown;
}

/** Runs a strategy over simulated ports until it has settled, whichever way. */
export async function simulateRestore(strategy: Strategy, options: RestoreOptions): Promise<Restored> {
  const clock = new VirtualClock();
  const observed = new Observer(clock, simulatedPorts(clock, options), options.fault);
  const { image, abortAtMs, polite = false, wrap = (context) => context } = options;
  const inFlight = options.inFlight ?? strategy.defaults.inFlight;
  const abort = new AbortController();
  const done = new AbortController();
  let error: unknown;
  await clock.run(async () => {
    const alarm =
      abortAtMs === undefined
        ? undefined
        : clock.sleep(abortAtMs, done.signal).then(
            () => abort.abort(new Error('stopped')),
            () => {},
          );
    try {
      const [source] = observed.ports.sources;
      assert.ok(source);
      await strategy.restore(wrap({ ...observed.ports, source, image, clock, signal: abort.signal, inFlight, polite }));
    } catch (thrown) {
      error = thrown;
    }
    done.abort();
    await alarm;
  });
  return { clock, observed, totalMs: clock.now(), error };
}
