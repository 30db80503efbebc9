import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import type { Strategy } from '../../src/model/ports.ts';
import { VirtualClock } from '../../src/simulation/virtual-clock.ts';
import { adaptive } from '../../src/strategy/adaptive.ts';
import { sequential } from '../../src/strategy/sequential.ts';
import { imageOf, simulatedPorts, simulatedServer, simulateRestore } from '../simulation/simulated-restore.ts';
import { diskPaths, networkPaths, type Path } from './paths.ts';
import { politeAdaptive } from './variants.ts';

/** Of the restore that shall not be disturbed. */
const SEQUENTIAL_CHUNKS = 80;

interface Beside {
  /** How long the sequential restore took. */
  readonly sequentialMs: number;
  /** Chunks per millisecond of its neighbour in that time, and when the server has been its own for a while. */
  readonly neighbourRate: number;
  readonly neighbourRateAfterwards: number;
}

/** A sequential restore of a server whose link and disk it shares with another restore, on a machine of its own. */
async function runBeside({ costs, aloneMs }: Path, neighbour: Strategy, headStartMs: number): Promise<Beside> {
  const clock = new VirtualClock();
  const server = simulatedServer(clock, costs);
  const end = new AbortController();
  let written = 0;
  const restore = async (strategy: Strategy, chunks: number, signal: AbortSignal, onWrite = (): void => {}) => {
    const { sources, decoder, target } = simulatedPorts(clock, costs, server);
    const [source] = sources;
    assert.ok(source);
    await strategy.restore({
      source,
      sources,
      decoder,
      target: {
        write: async (offset, chunk) => {
          await target.write(offset, chunk);
          onWrite();
        },
        writeZeroes: (offset, length) => target.writeZeroes(offset, length),
        finish: () => target.finish(),
      },
      image: imageOf('D'.repeat(chunks)),
      clock,
      signal,
      inFlight: strategy.defaults.inFlight,
      polite: false,
    });
  };
  return await clock.run(async () => {
    const other = assert.rejects(
      restore(neighbour, 20_000, end.signal, () => (written += 1)),
      /has ended/u,
    );
    await clock.sleep(headStartMs);
    const startedMs = clock.now();
    const writtenBefore = written;
    await restore(sequential, SEQUENTIAL_CHUNKS, new AbortController().signal);
    const sequentialMs = clock.now() - startedMs;
    const neighbourRate = (written - writtenBefore) / sequentialMs;
    await clock.sleep(60 * aloneMs);
    const writtenUntilThen = written;
    await clock.sleep(20 * aloneMs);
    const neighbourRateAfterwards = (written - writtenUntilThen) / (20 * aloneMs);
    end.abort(new Error('has ended'));
    await other;
    return { sequentialMs, neighbourRate, neighbourRateAfterwards };
  });
}

const sequentialAloneMs = async ({ costs }: Path): Promise<number> =>
  (await simulateRestore(sequential, { ...costs, image: imageOf('D'.repeat(SEQUENTIAL_CHUNKS)) })).totalMs;

suite('a sequential restore beside a polite one keeps 80 % of its rate', () => {
  for (const [name, path] of Object.entries(diskPaths)) {
    test(name, async () => {
      const alone = await sequentialAloneMs(path);
      for (const headStartMs of [0, 60 * path.aloneMs]) {
        const beside = await runBeside(path, politeAdaptive, headStartMs);
        const kept = alone / beside.sequentialMs;
        assert.ok(kept >= 0.8, `${kept} with a head start of ${headStartMs} ms`);
        // It may not give up either: the least is a tenth of the time of one chunk.
        assert.ok(beside.neighbourRate >= 0.05 / path.aloneMs, `${beside.neighbourRate * path.aloneMs}`);
        assert.ok(
          beside.neighbourRateAfterwards >= 0.4 / path.bottleneckMs,
          `${beside.neighbourRateAfterwards * path.bottleneckMs} of the best rate once the disk is free again`,
        );
      }
    });
  }
});

test('beside an adaptive restore that is not polite, it loses most of it', async () => {
  for (const name of ['disk, one read of 10 ms at a time', 'disk, 200 MB/s']) {
    const path = diskPaths[name];
    assert.ok(path);
    const { sequentialMs } = await runBeside(path, adaptive, 100 * path.aloneMs);
    assert.ok((await sequentialAloneMs(path)) / sequentialMs < 0.7);
  }
});

test('alone, a polite restore has 65 % of the best rate or more, after the time of 40 chunks', async () => {
  for (const [name, { costs, aloneMs, bottleneckMs }] of Object.entries({ ...networkPaths, ...diskPaths })) {
    const startMs = 40 * aloneMs;
    const chunks = Math.ceil(startMs / bottleneckMs) + 300;
    const { observed } = await simulateRestore(politeAdaptive, { ...costs, image: imageOf('D'.repeat(chunks)) });
    const writtenMs = observed.writes.map(({ returnedMs }) => returnedMs);
    const later = writtenMs.filter((ms) => ms > startMs);
    const rate = later.length / ((later.at(-1) ?? 0) - startMs);
    assert.ok(rate * bottleneckMs >= 0.65, `${name}: ${rate * bottleneckMs}`);
  }
});

test('it pauses for 5 s at most, however slow the path is', async () => {
  const { observed } = await simulateRestore(politeAdaptive, {
    image: imageOf('D'.repeat(60)),
    roundTripMs: 2000,
    // Delays that grow, as somebody else's load would cause them.
    fetchDelayMs: (slot) => slot * 500,
  });
  let idleSinceMs = 0;
  for (const { slot, returnedMs } of observed.writes) {
    const request = observed.fetches.find((fetch) => fetch.slot === slot);
    assert.ok((request?.calledMs ?? Infinity) - idleSinceMs <= 5000.001, `slot ${slot}`);
    idleSinceMs = returnedMs;
  }
});
