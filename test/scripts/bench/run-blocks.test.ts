import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { measuredRatios, type Measured } from '../../../scripts/bench/outcome.ts';
import { runBlocks, type Progress } from '../../../scripts/bench/run-blocks.ts';
import { select } from '../../../scripts/bench/selection.ts';
import { seededRandom } from '../../../src/scenario/shuffle.ts';
import { plantedFamily } from './planted-family.ts';

/** Every probe takes a second of a clock that nothing else moves. */
class ProbeClock {
  nowMs = 0;
  readonly probes: string[] = [];
  readonly onProbe = (measurement: string): void => {
    this.probes.push(measurement);
    this.nowMs += 1000;
  };
}

interface Run {
  readonly clock: ProbeClock;
  readonly limitMs?: number;
  readonly seed?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const run = async (
  families: Parameters<typeof select>[0],
  { clock, limitMs = 1e9, seed = 'seed', signal = new AbortController().signal, onProgress = () => {} }: Run,
): Promise<readonly Measured[]> =>
  await runBlocks(select(families, []), {
    limitMs,
    random: seededRandom(seed),
    now: () => clock.nowMs,
    signal,
    onProgress,
  });

const wide: readonly (readonly [number, number])[] = [
  [1, 1],
  [2, 1],
  [4, 1],
  [1, 1],
  [2, 1],
  [4, 1],
];

void suite('blocks of a bench', () => {
  test('each block holds every probe once, in an order that the seed decides', async () => {
    const orderOf = async (seed: string): Promise<string[]> => {
      const clock = new ProbeClock();
      await run([plantedFamily({ blocks: wide, maximumBlocks: 12, onProbe: clock.onProbe })], { clock, seed });
      return clock.probes;
    };
    const order = await orderOf('one');
    assert.equal(order.length, 24);
    for (let block = 0; block < 12; block += 1) {
      assert.deepEqual(order.slice(2 * block, 2 * block + 2).toSorted(), ['planted-a', 'planted-b']);
    }
    assert.deepEqual(await orderOf('one'), order);
    assert.notDeepEqual(await orderOf('another'), order);
  });

  test('a narrow interval ends at the minimum, a wide one is measured on until it is narrow', async () => {
    const narrow = new ProbeClock();
    const [few] = await run([plantedFamily({ blocks: [[2, 1]], onProbe: narrow.onProbe })], { clock: narrow });
    assert.equal(few?.blocks.length, 3);

    const clock = new ProbeClock();
    const settling = plantedFamily({
      blocks: [
        [2, 1],
        [2.2, 1],
        [1.9, 1],
        [2, 1],
      ],
      onProbe: clock.onProbe,
    });
    const [many] = await run([settling], { clock });
    assert.ok(many !== undefined && many.blocks.length > 3);
    assert.deepEqual(
      measuredRatios(many).map(({ wide }) => wide),
      [false],
    );
  });

  test('no block starts that would end after the limit, and what stays wide is marked', async () => {
    const clock = new ProbeClock();
    const [measured] = await run([plantedFamily({ blocks: wide, onProbe: clock.onProbe })], { clock, limitMs: 9500 });
    assert.ok(measured !== undefined);
    assert.equal(measured.blocks.length, 4);
    assert.equal(clock.nowMs, 8000);
    assert.deepEqual(
      measuredRatios(measured).map(({ wide }) => wide),
      [true],
    );
  });

  test('every family has a block, whatever the limit', async () => {
    const clock = new ProbeClock();
    const families = ['x', 'y', 'z'].map((name) => plantedFamily({ name, blocks: wide, onProbe: clock.onProbe }));
    const measured = await run(families, { clock, limitMs: 0 });
    assert.deepEqual(
      measured.map(({ blocks }) => blocks.length),
      [1, 1, 1],
    );
  });

  test('time that is left goes to the wide family that has had least of it', async () => {
    const clock = new ProbeClock();
    const families = [
      plantedFamily({ name: 'narrow', blocks: [[2, 1]], onProbe: clock.onProbe }),
      plantedFamily({ name: 'x', blocks: wide, onProbe: clock.onProbe }),
      plantedFamily({ name: 'y', blocks: wide, onProbe: clock.onProbe }),
    ];
    const measured = await run(families, { clock, limitMs: 31_000 });
    assert.deepEqual(
      measured.map(({ blocks }) => blocks.length),
      [3, 6, 6],
    );
  });

  test('a family that fails keeps its blocks and names its problem, and the others go on', async () => {
    const clock = new ProbeClock();
    let calls = 0;
    const failing = plantedFamily({
      name: 'failing',
      blocks: wide,
      onProbe: () => {
        calls += 1;
        if (calls > 2) throw new Error('planted');
      },
    });
    const [broken, whole] = await run([failing, plantedFamily({ blocks: [[2, 1]], onProbe: clock.onProbe })], {
      clock,
    });
    assert.equal(broken?.problem, 'planted');
    assert.equal(broken.blocks.length, 1);
    assert.equal(whole?.blocks.length, 3);
  });

  test('an interrupted run keeps complete blocks, and what was opened is closed', async () => {
    const clock = new ProbeClock();
    const controller = new AbortController();
    const events: string[] = [];
    const family = plantedFamily({
      blocks: wide,
      onOpen: () => events.push('opened'),
      onClose: () => events.push('closed'),
      onProbe: (measurement) => {
        clock.onProbe(measurement);
        if (clock.probes.length === 5) controller.abort(new Error('interrupted'));
      },
    });
    const [measured] = await run([family], { clock, signal: controller.signal });
    assert.equal(measured?.blocks.length, 2);
    assert.equal(clock.probes.length, 5);
    assert.deepEqual(events, ['opened', 'closed']);
  });

  test('progress tells what is measured and how long the rest will take', async () => {
    const clock = new ProbeClock();
    const seen: Progress[] = [];
    const family = plantedFamily({ blocks: [[2, 1]], minimumBlocks: 5, onProbe: clock.onProbe });
    await run([family], { clock, limitMs: 60_000, onProgress: (progress) => seen.push(progress) });
    assert.equal(seen[0]?.remainingMs, 60_000);
    const lastBlock = seen.filter(({ block }) => block === 5);
    assert.equal(lastBlock[0]?.elapsedMs, 8000);
    assert.equal(lastBlock[0].remainingMs, 2000);
    assert.deepEqual(lastBlock.flatMap(({ measurements = [] }) => measurements).toSorted(), ['planted-a', 'planted-b']);
  });
});
