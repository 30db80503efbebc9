import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { BufferBudget, worstCaseChunkBytes } from '../../src/harness/ports/buffer-budget.ts';
import type { Image } from '../../src/model/image.ts';
import type { RestoreContext } from '../../src/model/ports.ts';
import { adaptive } from '../../src/strategy/adaptive.ts';
import { windowUnordered } from '../../src/strategy/window-unordered.ts';
import { CHUNK_SIZE, imageOf, simulateRestore, type RestoreOptions } from '../simulation/simulated-restore.ts';
import { diskPaths, networkPaths } from './paths.ts';

/** By then it must have found its window, or within the first twentieth of the chunks if that is later. */
const FOUND_AFTER_MS = 3000;

/** Chunks that follow, of which the rate is taken. */
const MEASURED_CHUNKS = 400;

interface Found {
  /** Chunks per millisecond that were written from then on until the last chunk was requested. */
  readonly rate: number;
  /** The largest number of chunks under way in that time. */
  readonly window: number;
}

async function adapt(options: RestoreOptions, { foundAfterMs = FOUND_AFTER_MS } = {}): Promise<Found> {
  let inFlight = 0;
  const requests: { readonly atMs: number; readonly inFlight: number }[] = [];
  const { wrap = (context: RestoreContext) => context } = options;
  const { observed, error } = await simulateRestore(adaptive, {
    ...options,
    wrap: (context) => {
      const { clock, source, target, ...rest } = wrap(context);
      return {
        ...rest,
        clock,
        source: {
          fetch: (digest, signal) => {
            inFlight += 1;
            requests.push({ atMs: clock.now(), inFlight });
            return source.fetch(digest, signal);
          },
        },
        target: {
          ...target,
          writeZeroes: (offset, length) => target.writeZeroes(offset, length),
          finish: () => target.finish(),
          write: async (offset, chunk) => {
            await target.write(offset, chunk);
            inFlight -= 1;
          },
        },
      };
    },
  });
  assert.equal(error, undefined);
  const writtenMs = observed.writes.filter(({ zeroes }) => !zeroes).map(({ returnedMs }) => returnedMs);
  const fromMs = Math.max(foundAfterMs, writtenMs[Math.floor(writtenMs.length / 20)] ?? 0);
  const toMs = requests.at(-1)?.atMs ?? 0;
  const measured = writtenMs.filter((ms) => ms > fromMs && ms <= toMs).length;
  assert.ok(measured >= MEASURED_CHUNKS / 2, `only ${measured} chunks were measured`);
  const windows = requests.filter(({ atMs }) => atMs > fromMs).map((request) => request.inFlight);
  return { rate: measured / (toMs - fromMs), window: Math.max(...windows) };
}

/** Chunks per millisecond of each fixed window once it is full; of an image of a few windows unless one is given. */
async function sweep(
  windows: readonly number[],
  options: Omit<RestoreOptions, 'image'> & { readonly image?: Image },
): Promise<Map<number, number>> {
  const rates = new Map<number, number>();
  for (const inFlight of new Set(windows)) {
    const { image = imageOf('D'.repeat(4 * inFlight + 40)) } = options;
    const { observed } = await simulateRestore(windowUnordered, { ...options, image, inFlight });
    const writtenMs = observed.writes.filter(({ zeroes }) => !zeroes).map(({ returnedMs }) => returnedMs);
    const [first, last] = [2 * inFlight, writtenMs.length - 1 - inFlight];
    // Whole windows full, since a window that is too small has its chunks in bursts.
    const chunks = Math.floor((last - first) / inFlight) * inFlight;
    rates.set(inFlight, chunks / ((writtenMs[first + chunks] ?? 0) - (writtenMs[first] ?? 0)));
  }
  return rates;
}

const POWERS = [1, 2, 4, 8, 16, 32, 64];

const best = (rates: ReadonlyMap<number, number>): number => Math.max(...rates.values());

/** The smallest of the windows with the best rate, within a hundredth. */
const knee = (rates: ReadonlyMap<number, number>): number =>
  Math.min(...[...rates].filter(([, rate]) => rate >= 0.99 * best(rates)).map(([window]) => window));

suite('adaptive reaches 95 % of the best fixed window in time and needs no more than twice that window', () => {
  for (const [name, { costs, aloneMs, bottleneckMs }] of Object.entries({ ...networkPaths, ...diskPaths })) {
    test(name, async () => {
      const littlesLaw = Math.ceil(aloneMs / bottleneckMs);
      const windows = [...POWERS, littlesLaw - 1, littlesLaw].filter((window) => window >= 1);
      const rates = await sweep(windows, costs);
      // The best window is what the documentation says, and its rate that of the bottleneck.
      assert.ok(Math.abs(best(rates) * bottleneckMs - 1) < 0.02, `${best(rates) * bottleneckMs}`);
      assert.ok(Math.abs(knee(rates) - littlesLaw) <= 1, `${knee(rates)}, not ${littlesLaw}`);

      // Faster disks are given less time, so that the test does not take long.
      const foundAfterMs = Math.min(FOUND_AFTER_MS, 1200 * bottleneckMs);
      const chunks = Math.ceil(foundAfterMs / bottleneckMs) + MEASURED_CHUNKS;
      const found = await adapt({ image: imageOf('D'.repeat(chunks)), ...costs }, { foundAfterMs });
      assert.ok(found.rate >= 0.95 * best(rates), `${found.rate / best(rates)} of the best rate`);
      assert.ok(found.window <= 2 * littlesLaw, `${found.window} under way, ${littlesLaw} are enough`);
    });
  }
});

test('buffers that hold fewer chunks than the path could use are taken for the limit that they are', async () => {
  const wrap = (context: RestoreContext): RestoreContext => {
    const budget = new BufferBudget({ bufferBytes: 8 * worstCaseChunkBytes(CHUNK_SIZE), chunkSize: CHUNK_SIZE });
    return {
      ...context,
      source: budget.boundSource(context.source),
      decoder: budget.boundDecoder(context.decoder),
      target: budget.boundTarget(context.target),
    };
  };
  const options = { ...networkPaths['WAN, 100 ms, 10 Gbit/s']?.costs, wrap };
  const rates = await sweep([...POWERS, 6, 12], options);
  const found = await adapt({ image: imageOf('D'.repeat(900)), ...options });
  assert.ok(found.rate >= 0.95 * best(rates), `${found.rate / best(rates)}`);
  assert.ok(found.window <= 2 * knee(rates), `${found.window}, ${knee(rates)} are enough`);
});

test('times that differ from chunk to chunk, and zeros between them, cost less than a tenth of the best rate', async () => {
  // A generator of the kind of Lehmer, so that the test is the same every time.
  let state = 20_160_216;
  const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  const chunks = 1000;
  const draws = Array.from({ length: chunks }, () => ({
    delay: -Math.log(random()),
    decode: -Math.log(random()),
    size: random(),
  }));
  const draw = (slot: number): (typeof draws)[number] => draws[slot] ?? { delay: 1, decode: 1, size: 1 };
  const picture = Array.from(draws, ({ size }) => (size < 0.1 ? '0' : 'D')).join('');
  for (const name of ['LAN, 0.2 ms, 10 Gbit/s', 'metro, 5 ms, 10 Gbit/s', 'WAN, 25 ms, 10 Gbit/s']) {
    const costs = networkPaths[name]?.costs ?? {};
    const options = {
      ...costs,
      image: imageOf(picture),
      writeZeroesMs: 0.3,
      fetchDelayMs: (slot: number) => draw(slot).delay * 5,
      decodeMs: ({ index }: { readonly index: number }) => draw(index).decode * 4,
      encodedBytes: (slot: number) => Math.ceil(CHUNK_SIZE * (0.3 + 0.7 * draw(slot).size)),
    };
    const rates = await sweep([8, 16, 64], options);
    const found = await adapt(options, { foundAfterMs: 500 });
    assert.ok(found.rate >= 0.9 * best(rates), `${name}: ${found.rate / best(rates)}`);
  }
});

test('a window that was enough grows when the path becomes longer', async () => {
  const costs = { ...networkPaths['metro, 5 ms, 10 Gbit/s']?.costs };
  const late = await adapt(
    { image: imageOf('D'.repeat(3500)), ...costs, fetchDelayMs: (slot) => (slot < 600 ? 0 : 40) },
    { foundAfterMs: 8000 },
  );
  assert.ok(late.rate * 3.36 >= 0.9, `${late.rate * 3.36} of the link`);
});

test('inFlight bounds the window', async () => {
  const options = { ...networkPaths['WAN, 100 ms, 10 Gbit/s']?.costs, image: imageOf('D'.repeat(200)) };
  for (const inFlight of [1, 3, 5]) {
    const { observed } = await simulateRestore(adaptive, { ...options, inFlight });
    assert.equal(observed.peakInFlight, inFlight);
  }
});
