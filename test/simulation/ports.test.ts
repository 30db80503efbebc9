import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { StorageSettings } from '../../src/model/environment.ts';
import type { ChunkSource } from '../../src/model/ports.ts';
import { SimulatedDecoder, SimulatedServer, SimulatedTarget } from '../../src/simulation/ports.ts';
import { VirtualClock } from '../../src/simulation/virtual-clock.ts';

const never = new AbortController().signal;
const noStorage: StorageSettings = { readLatencyMs: 0, queueDepth: 100 };

function sourceOf(
  clock: VirtualClock,
  storage: StorageSettings,
  roundTripMs: number,
  rateBytesPerSecond?: number,
): ChunkSource {
  const link = { roundTripMs, ...(rateBytesPerSecond === undefined ? {} : { rateBytesPerSecond }) };
  return new SimulatedServer({ clock, link, storage, encodedBytes: (digest) => Number(digest) }).connect();
}

test('a lone fetch takes round trip, read latency, storage bandwidth and link, and says when it reached its stages', async () => {
  const clock = new VirtualClock();
  const source = sourceOf(clock, { readLatencyMs: 3, bandwidthBytesPerSecond: 500_000, queueDepth: 1 }, 10, 1_000_000);
  const chunk = await clock.run(() => source.fetch('4000', never));
  // 5 there, 3 latency, 8 bandwidth, 4 link, 5 back.
  assert.equal(clock.now(), 25);
  assert.deepEqual(chunk, {
    encodedBytes: 4000,
    timing: { requestSentMs: 0, firstByteMs: 21, lastByteMs: 25, connection: 0 },
  });
});

test('fetches share the rate of the link and its latency overlaps', async () => {
  const clock = new VirtualClock();
  const source = sourceOf(clock, noStorage, 10, 1_000_000);
  const arrivals = await clock.run(() =>
    Promise.all(
      ['1000', '2000', '3000'].map(async (digest) => {
        await source.fetch(digest, never);
        return clock.now();
      }),
    ),
  );
  assert.deepEqual(arrivals, [11, 13, 16]);
});

test('each connection has its rate, and all of them share that of the link', async () => {
  const arrivalsOver = async (connections: number, rateBytesPerSecond?: number): Promise<(readonly number[])[]> => {
    const clock = new VirtualClock();
    const server = new SimulatedServer({
      clock,
      link: {
        roundTripMs: 10,
        connectionRateBytesPerSecond: 1_000_000,
        ...(rateBytesPerSecond === undefined ? {} : { rateBytesPerSecond }),
      },
      storage: noStorage,
      encodedBytes: Number,
    });
    const sources = Array.from({ length: connections }, () => server.connect());
    return await clock.run(() =>
      Promise.all(
        [0, 1, 2, 3].map(async (chunk) => {
          const { timing } = (await sources[chunk % connections]?.fetch('4000', never)) ?? {};
          return [timing?.connection ?? -1, clock.now()];
        }),
      ),
    );
  };
  // 10 ms of round trip, 4 ms for each chunk before it on its connection.
  assert.deepEqual(await arrivalsOver(1), [
    [0, 14],
    [0, 18],
    [0, 22],
    [0, 26],
  ]);
  assert.deepEqual(await arrivalsOver(2), [
    [0, 14],
    [1, 14],
    [0, 18],
    [1, 18],
  ]);
  // The link passes a chunk in 3 ms, so that two connections wait for each other.
  assert.deepEqual(await arrivalsOver(2, 4_000_000 / 3), [
    [0, 14],
    [1, 16],
    [0, 19],
    [1, 22],
  ]);
});

test('storage serves as many reads at a time as its queue is deep, and the bandwidth is shared by all of them', async () => {
  const clock = new VirtualClock();
  const source = sourceOf(clock, { readLatencyMs: 4, bandwidthBytesPerSecond: 1_000_000, queueDepth: 2 }, 0);
  const arrivals = await clock.run(() =>
    Promise.all(
      ['1000', '1000', '1000'].map(async (digest) => {
        await source.fetch(digest, never);
        return clock.now();
      }),
    ),
  );
  // Two latencies side by side until 4, their bytes until 5 and 6; the third read starts at 5.
  assert.deepEqual(arrivals, [5, 6, 10]);
});

test('an aborted fetch leaves link and storage to the others, at every stage', async () => {
  for (const abortAtMs of [1, 4, 6, 8, 12]) {
    const clock = new VirtualClock();
    const source = sourceOf(clock, { readLatencyMs: 2, queueDepth: 1 }, 6, 1_000_000);
    const abort = new AbortController();
    await clock.run(async () => {
      const aborted = assert.rejects(source.fetch('5000', abort.signal), /planted/u);
      await clock.sleep(abortAtMs);
      abort.abort(new Error('planted'));
      await aborted;
      assert.equal(clock.now(), abortAtMs);
      await source.fetch('5000', never);
    });
    assert.equal(clock.now(), abortAtMs + 6 + 2 + 5, `aborted at ${abortAtMs} ms`);
    assert.equal(clock.sleeping, 0);
  }
});

test('decode threads work side by side and are named from 1; the main thread is 0', async () => {
  const slot = { index: 0, offset: 0, length: 7, digest: '', isZero: false };
  const decodeThree = async (decodeThreads: number) => {
    const clock = new VirtualClock();
    const decoder = new SimulatedDecoder({ clock, decodeThreads, decodeMs: () => 5 });
    return await clock.run(() => Promise.all([1, 2, 3].map(() => decoder.decode({ encodedBytes: 1 }, slot))));
  };
  assert.deepEqual(await decodeThree(2), [
    { length: 7, timing: { startedMs: 0, endedMs: 5, worker: 1 } },
    { length: 7, timing: { startedMs: 0, endedMs: 5, worker: 2 } },
    { length: 7, timing: { startedMs: 5, endedMs: 10, worker: 1 } },
  ]);
  assert.deepEqual(
    (await decodeThree(0)).map(({ timing }) => timing),
    [
      { startedMs: 0, endedMs: 5, worker: 0 },
      { startedMs: 5, endedMs: 10, worker: 0 },
      { startedMs: 10, endedMs: 15, worker: 0 },
    ],
  );
});

test('the writer takes writes and zeros in the order of the calls', async () => {
  const clock = new VirtualClock();
  const target = new SimulatedTarget({
    clock,
    writers: 1,
    writeMs: (_, length) => length,
    writeZeroesMs: () => 1,
    finishMs: 3,
  });
  const returned: number[] = [];
  await clock.run(async () => {
    const note = (): number => returned.push(clock.now());
    await Promise.all([
      target.write(0, { length: 4 }).then(note),
      target.writeZeroes(4, 4).then(note),
      target.write(8, { length: 2 }).then(note),
    ]);
    await target.finish();
  });
  assert.deepEqual(returned, [4, 5, 7]);
  assert.equal(clock.now(), 10);
});
