import type { Costs } from '../simulation/simulated-restore.ts';

/** A path of which the best window is known. */
export interface Path {
  readonly costs: Costs;
  /** One chunk alone, ms: *S* of the documentation. */
  readonly aloneMs: number;
  /** One chunk at the bottleneck, ms: *b* of the documentation. */
  readonly bottleneckMs: number;
}

const DECODE_THREADS = 4;

function path(given: Costs & { readonly decodeMs?: number; readonly writeMs?: number }): Path {
  const costs = { decodeMs: 3, writeMs: 1, readLatencyMs: 0.5, queueDepth: 64, diskMs: 0, linkMs: 0, ...given };
  const { roundTripMs = 0, linkMs, readLatencyMs, queueDepth, diskMs, decodeMs, writeMs } = costs;
  return {
    costs: { ...costs, decodeThreads: DECODE_THREADS },
    aloneMs: roundTripMs + readLatencyMs + diskMs + linkMs + decodeMs + writeMs,
    bottleneckMs: Math.max(linkMs, diskMs, (readLatencyMs + diskMs) / queueDepth, decodeMs / DECODE_THREADS, writeMs),
  };
}

/** 4 MiB at so many bits per second. */
const TEN_GIGABIT_MS = 3.36;
const ONE_GIGABIT_MS = 33.6;

export const networkPaths: Readonly<Record<string, Path>> = {
  'LAN, 0.2 ms, 10 Gbit/s': path({ roundTripMs: 0.2, linkMs: TEN_GIGABIT_MS }),
  'LAN, decode threads busy': path({ roundTripMs: 0.2, linkMs: 1.2, decodeMs: 8 }),
  'metro, 5 ms, 10 Gbit/s': path({ roundTripMs: 5, linkMs: TEN_GIGABIT_MS }),
  'metro, slow writer': path({ roundTripMs: 5, linkMs: TEN_GIGABIT_MS, writeMs: 12 }),
  'WAN, 25 ms, 10 Gbit/s': path({ roundTripMs: 25, linkMs: TEN_GIGABIT_MS }),
  'WAN, 25 ms, 1 Gbit/s': path({ roundTripMs: 25, linkMs: ONE_GIGABIT_MS }),
  'WAN, 100 ms, 10 Gbit/s': path({ roundTripMs: 100, linkMs: TEN_GIGABIT_MS }),
  'WAN, 100 ms, 1 Gbit/s': path({ roundTripMs: 100, linkMs: ONE_GIGABIT_MS }),
};

export const diskPaths: Readonly<Record<string, Path>> = {
  'disk, one read of 10 ms at a time': path({
    roundTripMs: 0.2,
    linkMs: TEN_GIGABIT_MS,
    readLatencyMs: 10,
    queueDepth: 1,
  }),
  'disk, one read of 10 ms at a time, nothing else takes time': path({
    readLatencyMs: 10,
    queueDepth: 1,
    decodeMs: 0.4,
    writeMs: 0.1,
  }),
  'disk, one read of 10 ms at a time, 25 ms away': path({
    roundTripMs: 25,
    linkMs: TEN_GIGABIT_MS,
    readLatencyMs: 10,
    queueDepth: 1,
  }),
  'disk, 4 reads of 10 ms': path({ roundTripMs: 0.2, linkMs: 0.8, readLatencyMs: 10, queueDepth: 4 }),
  'disk, 4 reads of 2 ms': path({
    roundTripMs: 5,
    linkMs: 0.2,
    readLatencyMs: 2,
    queueDepth: 4,
    decodeMs: 0.5,
    writeMs: 0.2,
  }),
  'disk, 32 reads of 10 ms': path({
    roundTripMs: 0.2,
    linkMs: 0.2,
    readLatencyMs: 10,
    queueDepth: 32,
    decodeMs: 0.5,
    writeMs: 0.2,
  }),
  'disk, 200 MB/s': path({ roundTripMs: 0.2, linkMs: TEN_GIGABIT_MS, readLatencyMs: 4, queueDepth: 32, diskMs: 21 }),
  'disk, 200 MB/s, 100 ms away': path({
    roundTripMs: 100,
    linkMs: TEN_GIGABIT_MS,
    readLatencyMs: 4,
    queueDepth: 32,
    diskMs: 21,
  }),
};
