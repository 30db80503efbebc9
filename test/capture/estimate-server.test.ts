import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { estimateServer, type Measurements, type ServerEstimates } from '../../src/capture/estimate-server.ts';
import type { ChunkReads } from '../../src/capture/read-chunks.ts';
import { Transfer } from '../../src/capture/transfer.ts';
import { SeededRandom } from '../../src/material/seeded-random.ts';
import { MB, MiB } from '../../src/model/units.ts';

const CHUNK_BYTES = 2 * MiB;

interface PlantedServer {
  readonly roundTripMs: number;
  readonly rate: number;
  /** Of each chunk, in turn. */
  readonly readMs: readonly number[];
  readonly connectionRate?: number;
  /** Bytes per second of 16 chunks at a time. */
  readonly windowRate: number;
  /** What a busy machine adds to a time now and then. */
  readonly disturb?: () => number;
  /** Extra time of a chunk's bytes. */
  readonly lateMs?: number;
}

function reads(
  count: number,
  firstByteMs: (index: number) => number,
  receiveMs: number,
  durationMs: number,
): ChunkReads {
  const transfer = new Transfer();
  for (let index = 1; index <= count; index += 1) transfer.add((index * durationMs) / count, CHUNK_BYTES);
  return {
    durationMs,
    transfer,
    reads: Array.from({ length: count }, (_, index) => ({
      slot: { index, offset: 4 * MiB * index, length: 4 * MiB, digest: String(index), isZero: false },
      encodedBytes: CHUNK_BYTES,
      firstByteMs: firstByteMs(index),
      receiveMs,
    })),
  };
}

function measure(server: PlantedServer): Measurements {
  const { roundTripMs, rate, readMs, connectionRate = rate, windowRate, disturb = () => 0, lateMs = 0 } = server;
  const receiveMs = (CHUNK_BYTES * 1000) / connectionRate + lateMs;
  const meanRead = readMs.reduce((sum, ms) => sum + ms, 0) / readMs.length;
  return {
    roundTripsMs: Array.from({ length: 40 }, () => roundTripMs + disturb()),
    answersMs: Array.from({ length: 40 }, () => roundTripMs + disturb()),
    oneConnection: { value: connectionRate, samples: 8 },
    manyConnections: { value: rate, samples: 8 },
    alone: reads(
      40,
      (index) => roundTripMs + (readMs[index % readMs.length] ?? 0) + disturb(),
      receiveMs,
      40 * (roundTripMs + meanRead + receiveMs),
    ),
    window: reads(40, () => 100, 10, (40 * CHUNK_BYTES * 1000) / windowRate),
    inFlight: 16,
  };
}

function estimate(server: PlantedServer): ServerEstimates {
  const estimates = estimateServer(measure(server));
  assert.ok(estimates !== undefined);
  return estimates;
}

const near = (found: number | undefined, value: number, tolerance = 0.02): void =>
  assert.ok(found !== undefined && Math.abs(found - value) <= tolerance * value, `${found} where ${value} is right`);

await describe('what is told of a server from its answers', () => {
  const steady: PlantedServer = { roundTripMs: 25, rate: 37.5 * MB, readMs: [10], windowRate: 37 * MB };

  test('round trip, rate and read latency are told apart', () => {
    const found = estimate(steady);
    near(found.roundTripMs.value, 25);
    near(found.rate.value, 37.5 * MB);
    near(found.readLatencyMs.value, 10);
    assert.equal(found.isSteady, true);
    assert.equal(found.bandwidth, undefined);
    assert.equal(found.connectionRate, undefined);
    assert.equal(found.jitterMs, undefined);
    near(found.compressionRatio, 2);
  });

  test('a machine that is busy half of the time does not change them', () => {
    const random = new SeededRandom('busy');
    const found = estimate({ ...steady, disturb: () => (random.below(2) === 0 ? 0 : random.below(30)) });
    near(found.roundTripMs.value, 25, 0.05);
    near(found.readLatencyMs.value, 10, 0.1);
    const { interval: [low, high] = [Infinity, -Infinity] } = found.readLatencyMs;
    assert.ok(low <= 10.5 && high >= 9.5, `${low} to ${high}`);
  });

  test('of disks that scatter it is the mean that decides the rate', () => {
    const found = estimate({ ...steady, readMs: [2, 30, 6, 22, 4, 26, 8, 14, 18, 10] });
    assert.equal(found.isSteady, false);
    near(found.readLatencyMs.value, 14);
  });

  test('one connection with a limit of its own is told from the link', () => {
    const found = estimate({ ...steady, connectionRate: 10 * MB, windowRate: 10 * MB });
    near(found.rate.value, 37.5 * MB);
    near(found.connectionRate?.value, 10 * MB);
    assert.equal(found.bandwidth, undefined);
  });

  test('a window that link and latency do not explain is the bandwidth of the disks, which is taken off the latency', () => {
    const found = estimate({ ...steady, rate: 1000 * MB, readMs: [20], windowRate: 200 * MB });
    near(found.bandwidth?.value, 200 * MB);
    near(found.readLatencyMs.value, 20 - (CHUNK_BYTES / (200 * MB)) * 1000);
    near(found.firstByteMs.value, 20);
  });

  test('what a chunk alone takes beyond the rate of the link is added to the latency and told', () => {
    const found = estimate({ ...steady, rate: 1000 * MB, windowRate: 480 * MB, lateMs: 30 });
    near(found.unexplainedMs, 30);
    near(found.readLatencyMs.value, 40);
  });

  test('a line that varies has jitter, and its round trip is the middle', () => {
    const random = new SeededRandom('jitter');
    const uniform = (): number => (random.below(1000) / 1000) * 16 - 8;
    const found = estimate({ ...steady, disturb: () => uniform() + uniform() });
    near(found.jitterMs, 8, 0.35);
    near(found.roundTripMs.value, 25, 0.15);
  });

  test('without chunks there is nothing to tell', () => {
    assert.equal(
      estimateServer({ ...measure(steady), alone: { reads: [], transfer: new Transfer(), durationMs: 0 } }),
      undefined,
    );
  });
});
