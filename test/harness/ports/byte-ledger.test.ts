import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { ByteLedger } from '../../../src/harness/ports/byte-ledger.ts';
import { VirtualClock } from '../../../src/simulation/virtual-clock.ts';

const never = new AbortController().signal;

test('reservations are granted in the order of their requests, so that a large one is not passed over for ever', async () => {
  const ledger = new ByteLedger(10);
  const granted: string[] = [];
  const reserve = (name: string, bytes: number): Promise<unknown> =>
    ledger.reserve(bytes, never).then(() => granted.push(name));
  const all = [reserve('first', 6), reserve('large', 8), reserve('small', 1)];
  await all[0];
  assert.deepEqual(granted, ['first']);
  assert.equal(ledger.waits, 2);
  ledger.release(6);
  await Promise.all(all);
  assert.deepEqual(granted, ['first', 'large', 'small']);
  assert.equal(ledger.reservedBytes, 9);
});

test('a reservation above the limit is let through alone', async () => {
  const ledger = new ByteLedger(10);
  await ledger.reserve(25, never);
  let next = false;
  const waiting = ledger.reserve(1, never).then(() => (next = true));
  await Promise.resolve();
  assert.equal(next, false);
  ledger.release(25);
  await waiting;
  assert.equal(ledger.reservedBytes, 1);
});

test('whoever gives up while waiting lets those behind go on', async () => {
  const ledger = new ByteLedger(10);
  await ledger.reserve(6, never);
  const abort = new AbortController();
  const large = assert.rejects(ledger.reserve(8, abort.signal), /enough/u);
  const small = ledger.reserve(4, never);
  abort.abort(new Error('enough'));
  await Promise.all([large, small]);
  assert.equal(ledger.reservedBytes, 10);
  await assert.rejects(ledger.reserve(1, abort.signal), /enough/u);
  assert.equal(ledger.reservedBytes, 10);
});

test('the limit holds, and everything is granted and given back in the end, whoever gives up on the way', async () => {
  const request = fc.record({
    bytes: fc.integer({ min: 1, max: 15 }),
    holdMs: fc.integer({ min: 0, max: 9 }),
    givesUp: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 25 }), async (requests) => {
      const ledger = new ByteLedger(10);
      const clock = new VirtualClock();
      await clock.run(() =>
        Promise.all(
          requests.map(async ({ bytes, holdMs, givesUp }) => {
            const abort = new AbortController();
            const alarm = givesUp ? clock.sleep(holdMs).then(() => abort.abort(new Error('gave up'))) : undefined;
            try {
              await ledger.reserve(bytes, abort.signal);
            } catch {
              return;
            }
            assert.ok(ledger.reservedBytes <= 10 || ledger.reservedBytes === bytes);
            await clock.sleep(holdMs);
            ledger.release(bytes);
            await alarm;
          }),
        ),
      );
      assert.equal(ledger.reservedBytes, 0);
    }),
    { numRuns: 80 },
  );
});
