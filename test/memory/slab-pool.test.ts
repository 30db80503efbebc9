import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { SLAB_BYTES, SlabPool, type SlabLoan } from '../../src/memory/slab-pool.ts';
import { DEFAULT_CHUNK_SIZE } from '../../src/model/units.ts';

const { signal } = new AbortController();

function takeNow(pool: SlabPool, length: number): SlabLoan {
  const loan = pool.take(length, signal);
  assert.ok(!(loan instanceof Promise), 'there is memory');
  return loan;
}

test('memory is as long as was asked for, shared, and used again', () => {
  const pool = new SlabPool({ limit: 2 });
  const first = takeNow(pool, 1000);
  assert.equal(first.bytes.length, 1000);
  assert.ok(first.bytes.buffer instanceof SharedArrayBuffer);
  first.giveBack();
  const second = takeNow(pool, 1000);
  assert.equal(second.bytes, first.bytes, 'with not even a new view');
  assert.equal(takeNow(pool, DEFAULT_CHUNK_SIZE + 44).bytes.byteOffset, 0);
  assert.equal(pool.bytes, 2 * SLAB_BYTES);
});

test('a longer blob has memory of its own, which counts and is dropped after use', () => {
  const dropped: number[] = [];
  const pool = new SlabPool({ limit: 1, onDropped: (slab) => dropped.push(slab) });
  const loan = takeNow(pool, 4 * SLAB_BYTES);
  assert.equal(loan.bytes.length, 4 * SLAB_BYTES);
  assert.equal(pool.bytes, 4 * SLAB_BYTES);
  assert.ok(pool.take(1, signal) instanceof Promise);
  loan.giveBack();
  assert.deepEqual([dropped, pool.bytes], [[loan.slab], 0]);
});

test('a lower limit drops what is free at once, and what is lent when it comes back', () => {
  const dropped: number[] = [];
  const pool = new SlabPool({ limit: 4, onDropped: (slab) => dropped.push(slab) });
  const loans = [1, 2, 3, 4].map((length) => takeNow(pool, length));
  loans[0]!.giveBack();
  pool.setLimit(2);
  assert.deepEqual(dropped, [loans[0]!.slab]);
  for (const loan of loans) loan.giveBack();
  assert.deepEqual([pool.bytes, dropped.length], [2 * SLAB_BYTES, 2]);
});

test('what a restore left lying is taken back, once, and its holder can tell', async () => {
  const pool = new SlabPool({ limit: 2 });
  const left = [takeNow(pool, 5), takeNow(pool, 5)];
  const waiting = pool.take(7, signal);
  pool.reclaim();
  const next = await waiting;
  assert.deepEqual(
    left.map(({ isLent }) => isLent),
    [false, false],
  );
  left[0]!.giveBack();
  left[1]!.giveBack();
  assert.deepEqual([pool.lent, pool.free, next.isLent], [1, 1, true]);
});

type Step =
  | { readonly kind: 'take'; readonly length: number }
  | { readonly kind: 'give' | 'giveTwice' | 'abort'; readonly which: number }
  | { readonly kind: 'limit'; readonly limit: number }
  | { readonly kind: 'reclaim' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('take' as const), length: fc.integer({ min: 1, max: 9000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('take' as const), length: fc.constant(SLAB_BYTES + 1) }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom('give', 'giveTwice', 'abort' as const), which: fc.nat(20) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('limit' as const), limit: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reclaim' as const) }) },
);

test('whatever is taken, given and given up: no memory is lent twice, the limit holds, and all of it comes back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      let limit = 3;
      /** Above the limit only as long as loans from before it was lowered are out. */
      let allowed = limit;
      const dropped = new Set<number>();
      const pool = new SlabPool({
        limit,
        onDropped: (slab) => {
          assert.ok(!dropped.has(slab));
          dropped.add(slab);
        },
      });
      const given: SlabLoan[] = [];
      const waiting: AbortController[] = [];
      const outcomes: Promise<unknown>[] = [];
      const check = (): void => {
        const lent = given.filter(({ isLent }) => isLent);
        assert.equal(new Set(lent.map(({ slab }) => slab)).size, lent.length, 'lent twice');
        assert.ok(
          lent.every(({ slab }) => !dropped.has(slab)),
          'lent after it was dropped',
        );
        assert.equal(pool.lent, lent.length);
        allowed = Math.max(limit, Math.min(allowed, lent.length));
        assert.ok(lent.length <= allowed, `${lent.length} of ${allowed}`);
      };
      for (const move of steps) {
        if (move.kind === 'take') {
          const abort = new AbortController();
          const loan = pool.take(move.length, abort.signal);
          if (loan instanceof Promise) {
            waiting.push(abort);
            outcomes.push(
              loan.then(
                (late) => {
                  assert.equal(late.bytes.length, move.length);
                  given.push(late);
                },
                (error: unknown) => assert.equal(error, abort.signal.reason),
              ),
            );
          } else {
            assert.equal(loan.bytes.length, move.length);
            given.push(loan);
          }
        } else if (move.kind === 'limit') {
          pool.setLimit((limit = move.limit));
          allowed = Math.max(limit, pool.lent);
        } else if (move.kind === 'reclaim') pool.reclaim();
        else if (move.kind === 'abort') waiting[move.which % waiting.length]?.abort(new Error('enough'));
        else {
          const loan = given[move.which % given.length];
          loan?.giveBack();
          if (move.kind === 'giveTwice') loan?.giveBack();
        }
        // Those who waited get theirs.
        await new Promise((resolve) => setImmediate(resolve));
        check();
      }
      for (const abort of waiting) abort.abort(new Error('enough'));
      await Promise.all(outcomes);
      for (const loan of given) loan.giveBack();
      assert.deepEqual([pool.lent, pool.free], [0, limit]);
      assert.ok(pool.bytes <= limit * SLAB_BYTES);
    }),
    { numRuns: 200 },
  );
});
