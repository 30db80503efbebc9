import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { StorageSettings } from '../../../src/model/environment.ts';
import { ReadAhead } from '../../../src/pbs/server/read-ahead.ts';
import { VirtualClock } from '../../../src/simulation/virtual-clock.ts';
import { EmulatedStorage } from '../../../src/storage/emulated-storage.ts';

const never = new AbortController().signal;

function readAhead(settings: StorageSettings): { ahead: ReadAhead; storage: EmulatedStorage; clock: VirtualClock } {
  const clock = new VirtualClock();
  const storage = new EmulatedStorage(clock);
  storage.configure(settings);
  return { ahead: new ReadAhead(storage), storage, clock };
}

/** Takes as much room as there is; returns what gives it back. */
async function fill(ahead: ReadAhead, places: number): Promise<(() => void)[]> {
  return await Promise.all(Array.from({ length: places }, () => ahead.take(never)));
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  return (await Promise.race([promise, Promise.resolve(pending)])) === pending;
}

test('32 chunks are read ahead, and the next one when one of them has been sent, in the order of requests', async () => {
  const { ahead } = readAhead({ readLatencyMs: 0, queueDepth: 64 });
  const [first, second] = await fill(ahead, 32);
  const waiting = [ahead.take(never), ahead.take(never)] as const;
  assert.ok(await isPending(waiting[0]));
  first?.();
  first?.();
  await waiting[0];
  assert.ok(await isPending(waiting[1]), 'what is given back twice counts once');
  second?.();
  await waiting[1];
});

test('a disk that is emulated gets all the reads that it serves at once, and 32 are ready beside them', async () => {
  const { ahead } = readAhead({ readLatencyMs: 5, queueDepth: 64 });
  await fill(ahead, 96);
  assert.ok(await isPending(ahead.take(never)));
});

test('a request that is aborted leaves the queue, or gives its room back', async () => {
  const { ahead } = readAhead({ readLatencyMs: 0, queueDepth: 1 });
  const holder = new AbortController();
  const waiter = new AbortController();
  await ahead.take(holder.signal);
  await fill(ahead, 31);
  const given = ahead.take(waiter.signal);
  const next = ahead.take(never);
  waiter.abort(new Error('reset'));
  await assert.rejects(given, /reset/u);
  assert.ok(await isPending(next));
  holder.abort();
  await next;
});

test('waiting for memory is waiting for the disk only while all places of the disk are taken', async () => {
  const { ahead, storage, clock } = readAhead({ readLatencyMs: 10, queueDepth: 1 });
  await clock.run(async () => {
    const leave = await fill(ahead, 33);
    const last = ahead.take(never);
    // Nothing is being read: the 33 are waiting to be sent.
    await clock.sleep(100);
    assert.equal(storage.counters().queueWaitMs, 0);
    const read = storage.read(() => Promise.resolve(new Uint8Array(1)));
    await read;
    assert.equal(storage.counters().queueWaitMs, 10);
    leave[0]?.();
    await last;
  });
  assert.equal(storage.counters().queueWaitMs, 10);
});
