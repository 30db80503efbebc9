import assert from 'node:assert/strict';
import { it } from 'node:test';

import { SendTurns } from '../../../src/pbs/transport/send-turns.ts';

it('turns go to at most the given number, in the order of asking', async () => {
  const turns = new SendTurns(2);
  const order: number[] = [];
  let holding = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 10 }, async (_, index) => {
      const release = await turns.take();
      order.push(index);
      holding += 1;
      most = Math.max(most, holding);
      await new Promise((resolve) => setImmediate(resolve));
      holding -= 1;
      release();
    }),
  );
  assert.deepEqual([order, most], [Array.from({ length: 10 }, (_, index) => index), 2]);
});
