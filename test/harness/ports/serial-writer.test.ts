import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { SerialWriter } from '../../../src/harness/ports/serial-writer.ts';
import type { RestoreTarget } from '../../../src/model/ports.ts';
import { VirtualClock } from '../../../src/simulation/virtual-clock.ts';

const never = new AbortController().signal;

/** A target whose writes take as many milliseconds as they have bytes, any number at a time. */
class OpenTarget implements RestoreTarget {
  readonly started: number[] = [];
  running = 0;
  peak = 0;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  async write(offset: number, { length }: { readonly length: number }): Promise<void> {
    await this.#work(offset, length);
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    await this.#work(offset, length);
  }

  async finish(): Promise<void> {}

  async #work(offset: number, length: number): Promise<void> {
    this.started.push(offset);
    this.running += 1;
    this.peak = Math.max(this.peak, this.running);
    await this.#clock.sleep(length);
    this.running -= 1;
    if (length === 13) throw new Error('no space');
  }
}

test('one write at a time, zeros included, in the order of the calls, and each is reported when the writer takes it', async () => {
  const clock = new VirtualClock();
  const target = new OpenTarget(clock);
  const taken: [offset: number, atMs: number][] = [];
  const writer = new SerialWriter({
    target,
    writers: 1,
    signal: never,
    onTaken: (offset) => taken.push([offset, clock.now()]),
  });
  await clock.run(() =>
    Promise.all([writer.write(30, { length: 4 }), writer.writeZeroes(10, 2), writer.write(20, { length: 1 })]),
  );
  assert.deepEqual(taken, [
    [30, 0],
    [10, 4],
    [20, 6],
  ]);
  assert.equal(clock.now(), 7);
});

test('never more writes than writers, none idle while a write waits, and always first come first served', async () => {
  const lengths = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(lengths, fc.integer({ min: 1, max: 4 }), async (lengths, writers) => {
      const clock = new VirtualClock();
      const target = new OpenTarget(clock);
      const writer = new SerialWriter({ target, writers, signal: never });
      await clock.run(() => Promise.all(lengths.map((length, offset) => writer.write(offset, { length }))));
      assert.equal(target.peak, Math.min(writers, lengths.length));
      assert.deepEqual(
        target.started,
        lengths.map((_, offset) => offset),
      );
    }),
    { numRuns: 50 },
  );
});

test('a write that fails leaves the writer to the next', async () => {
  const clock = new VirtualClock();
  const writer = new SerialWriter({ target: new OpenTarget(clock), writers: 1, signal: never });
  await clock.run(async () => {
    const failing = assert.rejects(writer.write(0, { length: 13 }), /no space/u);
    await writer.write(1, { length: 2 });
    await failing;
  });
  assert.equal(clock.now(), 15);
});

test('an abort rejects the writes that wait and lets the one that has begun end', async () => {
  const clock = new VirtualClock();
  const target = new OpenTarget(clock);
  const abort = new AbortController();
  const writer = new SerialWriter({ target, writers: 1, signal: abort.signal });
  await clock.run(async () => {
    const begun = writer.write(0, { length: 10 });
    const waiting = assert.rejects(writer.writeZeroes(1, 10), /stopped/u);
    await clock.sleep(3);
    abort.abort(new Error('stopped'));
    await waiting;
    assert.equal(clock.now(), 3);
    await begun;
  });
  assert.equal(clock.now(), 10);
  assert.deepEqual(target.started, [0]);
});
