import assert from 'node:assert/strict';
import { test } from 'node:test';

import { preciseClock } from '../../src/clock/precise.ts';
import type { StorageSettings } from '../../src/model/environment.ts';
import { metric } from '../../src/model/metric.ts';
import type { StorageCounters } from '../../src/model/records.ts';
import { VirtualClock } from '../../src/simulation/virtual-clock.ts';
import { EmulatedStorage } from '../../src/storage/emulated-storage.ts';

/** Starts one read per entry at once (each taking that long in reality) and returns when each ended. */
async function endTimes(
  settings: StorageSettings,
  realMs: readonly number[],
  bytes = 1000,
): Promise<{ ends: number[]; storage: EmulatedStorage }> {
  const clock = new VirtualClock();
  const storage = new EmulatedStorage(clock);
  storage.configure(settings);
  const ends: number[] = [];
  const readFor = async (ms: number, index: number): Promise<void> => {
    await storage.read(async () => {
      if (ms > 0) await clock.sleep(ms);
      return new Uint8Array(bytes);
    });
    ends[index] = clock.now();
  };
  await clock.run(() => Promise.all(realMs.map(readFor)));
  return { ends, storage };
}

test('a read takes its latency, and as many run at a time as the queue is deep', async () => {
  const { ends, storage } = await endTimes({ readLatencyMs: 5, queueDepth: 2 }, [0, 0, 0, 0, 0]);
  assert.deepEqual(ends, [5, 5, 10, 10, 15]);
  const counters = storage.counters();
  assert.equal(counters.slotBusyMs, 25);
  assert.equal(counters.queueWaitMs, 5 + 5 + 10);
  assert.equal(counters.reads, 5);
  assert.equal(counters.bytes, 5000);
  assert.ok('unavailable' in counters.bandwidthBusyMs);
});

test('the real read overlaps with the latency, and one that is slower in reality is as slow as it is', async () => {
  const { ends } = await endTimes({ readLatencyMs: 5, queueDepth: 8 }, [3, 5, 9]);
  assert.deepEqual(ends, [5, 5, 9]);
});

test('all reads share one bandwidth after their latency', async () => {
  const { ends, storage } = await endTimes(
    { readLatencyMs: 5, bandwidthBytesPerSecond: 500_000, queueDepth: 8 },
    [0, 0, 0],
  );
  assert.deepEqual(ends, [7, 9, 11]);
  assert.deepEqual(storage.counters().bandwidthBusyMs, metric(6));
});

test('latency of the next read overlaps with the transfer of this one only while a place is free', async () => {
  const { ends } = await endTimes({ readLatencyMs: 1, bandwidthBytesPerSecond: 100_000, queueDepth: 1 }, [0, 0]);
  assert.deepEqual(ends, [11, 22]);
});

test('a transfer is reckoned from the emulated first byte when the real read came later', async () => {
  const { ends } = await endTimes({ readLatencyMs: 2, bandwidthBytesPerSecond: 100_000, queueDepth: 1 }, [7, 20]);
  assert.deepEqual(ends, [12, 32]);
});

test('a failed read is counted, passed on and gives its place back', async () => {
  const clock = new VirtualClock();
  const storage = new EmulatedStorage(clock);
  storage.configure({ readLatencyMs: 2, queueDepth: 1 });
  const outcomes = await clock.run(() =>
    Promise.allSettled([
      storage.read(() => Promise.reject(new Error('planted'))),
      storage.read(() => Promise.resolve(new Uint8Array(3))),
    ]),
  );
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'fulfilled'],
  );
  const { errors, reads, slotBusyMs } = storage.counters();
  assert.deepEqual({ errors, reads, slotBusyMs }, { errors: 1, reads: 1, slotBusyMs: 2 });
});

test('a load that throws before it returns a promise gives its place back as well', async () => {
  const storage = new EmulatedStorage(new VirtualClock());
  storage.configure({ readLatencyMs: 0, queueDepth: 1 });
  const load = (): Promise<Uint8Array> => {
    throw new Error('planted');
  };
  await assert.rejects(storage.read(load), /planted/u);
  assert.equal((await storage.read(() => Promise.resolve(new Uint8Array(1)))).length, 1);
});

test('reads in progress at a reset are counted only from there', async () => {
  const clock = new VirtualClock();
  const storage = new EmulatedStorage(clock);
  storage.configure({ readLatencyMs: 10, bandwidthBytesPerSecond: 100_000, queueDepth: 1 });
  const timesOf = ({ slotBusyMs, queueWaitMs, bandwidthBusyMs }: StorageCounters): object => ({
    slotBusyMs,
    queueWaitMs,
    bandwidthBusyMs,
  });
  await clock.run(async () => {
    const reads = [1, 2].map(() => storage.read(() => Promise.resolve(new Uint8Array(1000))));
    await clock.sleep(15);
    storage.resetCounters();
    assert.deepEqual(timesOf(storage.counters()), { slotBusyMs: 0, queueWaitMs: 0, bandwidthBusyMs: metric(0) });
    await Promise.all(reads);
  });
  assert.deepEqual(timesOf(storage.counters()), { slotBusyMs: 25, queueWaitMs: 5, bandwidthBusyMs: metric(15) });
});

test('a deeper queue admits waiting reads at once', async () => {
  const clock = new VirtualClock();
  const storage = new EmulatedStorage(clock);
  storage.configure({ readLatencyMs: 10, queueDepth: 1 });
  const ends: number[] = [];
  const read = async (): Promise<void> => {
    await storage.read(() => Promise.resolve(new Uint8Array(1)));
    ends.push(clock.now());
  };
  await clock.run(async () => {
    const reads = [read(), read(), read()];
    await clock.sleep(4);
    storage.configure({ readLatencyMs: 10, queueDepth: 3 });
    await Promise.all(reads);
  });
  assert.deepEqual(ends, [10, 14, 14]);
});

test('on the real clock a read takes about its latency', async () => {
  const clock = preciseClock();
  const storage = new EmulatedStorage(clock);
  storage.configure({ readLatencyMs: 3, queueDepth: 1 });
  const startedMs = clock.now();
  for (let index = 0; index < 10; index += 1) await storage.read(() => Promise.resolve(new Uint8Array(1)));
  const elapsedMs = clock.now() - startedMs;
  assert.ok(elapsedMs >= 30 && elapsedMs < 3000, `${elapsedMs} ms`);
});

test('an aborted read leaves the queue, or the disk before its latency is over, and the next one moves up', async () => {
  const clock = new VirtualClock();
  const storage = new EmulatedStorage(clock);
  storage.configure({ readLatencyMs: 10, queueDepth: 1 });
  const [first, second] = [new AbortController(), new AbortController()];
  const ends: string[] = [];
  let loads = 0;
  const read = async (name: string, signal?: AbortSignal): Promise<void> => {
    const load = async (): Promise<Uint8Array> => {
      loads += 1;
      return new Uint8Array(100);
    };
    await storage.read(load, signal).then(
      () => ends.push(`${name} read at ${clock.now()}`),
      (error: Error) => ends.push(`${name} ${error.message} at ${clock.now()}`),
    );
  };
  await clock.run(async () => {
    const reads = [read('first', first.signal), read('second', second.signal), read('third')];
    await clock.sleep(2);
    second.abort(new Error('gone'));
    await clock.sleep(2);
    first.abort(new Error('gone'));
    await Promise.all(reads);
  });
  assert.deepEqual(ends, ['second gone at 2', 'first gone at 4', 'third read at 14']);
  const { reads, bytes, errors } = storage.counters();
  assert.deepEqual({ loads, reads, bytes, errors }, { loads: 2, reads: 1, bytes: 100, errors: 0 });
});
