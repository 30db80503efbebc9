import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { VirtualClock } from '../../src/simulation/virtual-clock.ts';

test('time moves only when every task waits', async () => {
  const clock = new VirtualClock();
  await clock.run(async () => {
    let reached = false;
    const busy = (async () => {
      for (let turn = 0; turn < 1000; turn += 1) await Promise.resolve();
      reached = true;
      assert.equal(clock.now(), 0);
    })();
    await clock.sleep(5);
    assert.ok(reached);
    assert.equal(clock.now(), 5);
    await busy;
  });
});

test('sleeps end in order of their deadlines, equal ones in the order in which they began', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 30 }), async (delays) => {
      const clock = new VirtualClock();
      const ended: { index: number; ms: number }[] = [];
      await clock.run(() =>
        Promise.all(
          delays.map(async (ms, index) => {
            await clock.sleep(ms);
            assert.equal(clock.now(), ms);
            ended.push({ index, ms });
          }),
        ),
      );
      const expected = delays.map((ms, index) => ({ index, ms })).sort((a, b) => a.ms - b.ms || a.index - b.index);
      assert.deepEqual(ended, expected);
      assert.equal(clock.sleeping, 0);
    }),
    { numRuns: 50 },
  );
});

test('what a sleep sets in motion happens before the next sleep of the same deadline ends', async () => {
  const clock = new VirtualClock();
  const order: string[] = [];
  await clock.run(async () => {
    const first = clock.sleep(1).then(async () => {
      await Promise.resolve();
      await Promise.resolve();
      order.push('after the first');
    });
    const second = clock.sleep(1).then(() => order.push('second'));
    await Promise.all([first, second]);
  });
  assert.deepEqual(order, ['after the first', 'second']);
});

test('an aborted sleep rejects with the reason at once and is forgotten', async () => {
  const clock = new VirtualClock();
  await clock.run(async () => {
    const controller = new AbortController();
    const long = assert.rejects(clock.sleep(1000, controller.signal), /enough/u);
    await clock.sleep(3);
    controller.abort(new Error('enough'));
    await long;
    assert.equal(clock.now(), 3);
    assert.equal(clock.sleeping, 0);
    await assert.rejects(clock.sleep(1, controller.signal), /enough/u);
    assert.equal(clock.sleeping, 0);
  });
});

test('a task that nothing can wake is reported as a deadlock', async () => {
  const clock = new VirtualClock();
  const stuck = clock.run(async () => {
    await clock.sleep(7);
    await new Promise(() => {});
  });
  await assert.rejects(stuck, /everything waits at 7 ms/u);
});

test('run gives the result and the error of its task', async () => {
  const clock = new VirtualClock();
  assert.equal(await clock.run(async () => 42), 42);
  await assert.rejects(
    clock.run(async () => {
      await clock.sleep(1);
      throw new Error('of the task');
    }),
    /of the task/u,
  );
});
