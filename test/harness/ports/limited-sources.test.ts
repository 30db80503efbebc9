import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { limitSources } from '../../../src/harness/ports/limited-sources.ts';
import type { ChunkSource } from '../../../src/model/ports.ts';
import { VirtualClock } from '../../../src/simulation/virtual-clock.ts';

const signal = new AbortController().signal;

interface PlantedServer extends ChunkSource {
  readonly mostAtOnce: number;
  readonly askedMs: readonly number[];
}

function plantServer(clock: VirtualClock, encodedBytes: (index: number) => number, takesMs = 100): PlantedServer {
  let under = 0;
  let mostAtOnce = 0;
  const askedMs: number[] = [];
  return {
    get mostAtOnce() {
      return mostAtOnce;
    },
    askedMs,
    async fetch() {
      const bytes = encodedBytes(askedMs.length);
      askedMs.push(clock.now());
      under += 1;
      mostAtOnce = Math.max(mostAtOnce, under);
      await clock.sleep(takesMs);
      under -= 1;
      return { encodedBytes: bytes };
    },
  };
}

await describe('what a real server is asked for', () => {
  test('is no more at a time than allowed, over all connections together', async () => {
    const clock = new VirtualClock();
    const server = plantServer(clock, () => 1000);
    const sources = limitSources([server, server, server], { maxInFlight: 5 }, clock);
    await clock.run(async () => {
      await Promise.all(
        Array.from({ length: 60 }, async (_, index) => await sources[index % 3]?.fetch(String(index), signal)),
      );
    });
    assert.equal(server.mostAtOnce, 5);
    assert.equal(server.askedMs.length, 60);
  });

  test('is no more a second than allowed, whatever chunks have', async () => {
    const clock = new VirtualClock();
    const sizes = (index: number): number => 500 + (index % 4) * 500;
    const server = plantServer(clock, sizes);
    const [source] = limitSources([server], { maxInFlight: 16, maxRateBytesPerSecond: 10_000 }, clock);
    const count = 200;
    await clock.run(async () => {
      await Promise.all(Array.from({ length: count }, async (_, index) => await source?.fetch(String(index), signal)));
    });
    const bytes = Array.from({ length: count }, (_, index) => sizes(index)).reduce((sum, one) => sum + one, 0);
    const seconds = clock.now() / 1000;
    assert.ok(bytes / seconds <= 10_000 * 1.02, `${bytes / seconds} bytes per second`);
    assert.ok(bytes / seconds >= 10_000 * 0.95, `${bytes / seconds} bytes per second`);
    assert.equal(server.askedMs[1], 100, 'the first goes alone, since nobody knows what chunks have');
  });

  test('is no more than allowed from the first second on, where long chunks come after short ones', async () => {
    const rate = 4_000_000;
    const longest = 4 * 1024 ** 2;
    const sizes = (index: number): number => (index % 4 === 3 ? longest : 60_000);
    for (const takesMs of [1, 30, 300]) {
      const clock = new VirtualClock();
      const server = plantServer(clock, sizes, takesMs);
      const [source] = limitSources([server], { maxInFlight: 16, maxRateBytesPerSecond: rate }, clock);
      let bytes = 0;
      const fetchOne = async (index: number): Promise<void> => {
        const chunk = await source?.fetch(String(index), signal);
        bytes += chunk?.encodedBytes ?? 0;
        const allowed = (rate * clock.now()) / 1000 + longest;
        assert.ok(bytes <= allowed, `${bytes} bytes after ${clock.now()} ms with ${takesMs} ms for each`);
      };
      await clock.run(async () => {
        await Promise.all(Array.from({ length: 100 }, async (_, index) => await fetchOne(index)));
      });
      assert.ok(bytes / (clock.now() / 1000) > 0.9 * rate, `${bytes} bytes in ${clock.now()} ms`);
    }
  });

  test('is as much as allowed where chunks are short and the way is long', async () => {
    const clock = new VirtualClock();
    const rate = 4_000_000;
    const server = plantServer(clock, () => 60_000, 60);
    const [source] = limitSources([server], { maxInFlight: 16, maxRateBytesPerSecond: rate }, clock);
    const count = 2000;
    await clock.run(async () => {
      await Promise.all(Array.from({ length: count }, async (_, index) => await source?.fetch(String(index), signal)));
    });
    const share = (60_000 * count) / (clock.now() / 1000) / rate;
    assert.ok(share <= 1 && share > 0.9, `${share} of the rate`);
    assert.ok(server.mostAtOnce > 1);
  });

  test('gives up its wait for the rate with the restore', async () => {
    const clock = new VirtualClock();
    const server = plantServer(clock, () => 1_000_000, 10);
    const [source] = limitSources([server], { maxInFlight: 16, maxRateBytesPerSecond: 1000 }, clock);
    const giveUp = new AbortController();
    await clock.run(async () => {
      const all = Promise.allSettled([1, 2, 3].map(async (one) => await source?.fetch(String(one), giveUp.signal)));
      await clock.sleep(100);
      giveUp.abort(new Error('planted'));
      assert.deepEqual(
        (await all).map(({ status }) => status),
        ['fulfilled', 'rejected', 'rejected'],
      );
    });
    assert.equal(server.askedMs.length, 1);
  });

  test('goes on after a fetch that failed, the first one too', async () => {
    const clock = new VirtualClock();
    let calls = 0;
    const failing: ChunkSource = {
      async fetch() {
        calls += 1;
        await clock.sleep(10);
        if (calls === 1) throw new Error('planted');
        return { encodedBytes: 100 };
      },
    };
    const [source] = limitSources([failing], { maxInFlight: 1, maxRateBytesPerSecond: 1000 }, clock);
    await clock.run(async () => {
      const all = await Promise.allSettled([1, 2, 3].map(async (one) => await source?.fetch(String(one), signal)));
      assert.deepEqual(
        all.map(({ status }) => status),
        ['rejected', 'fulfilled', 'fulfilled'],
      );
    });
  });
});
