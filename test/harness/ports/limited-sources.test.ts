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
    assert.equal(server.askedMs[1], 100 + 50, 'the first goes alone, and its bytes have had their time');
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
