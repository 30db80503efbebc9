import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'node:test';

import * as fc from 'fast-check';

import type { Slot } from '../../src/model/image.ts';
import { UnkeptBytes } from '../../src/target/unkept-bytes.ts';

const keep = (): void => {};

const slots = (count: number): Slot[] =>
  Array.from({ length: count }, (_, index) => ({
    index,
    offset: index * 10,
    length: 10,
    digest: String(index),
    isZero: false,
  }));

/** Which of these have been admitted by now. */
async function admitted(waiting: ReadonlyMap<number, Promise<void>>): Promise<number[]> {
  const seen: number[] = [];
  for (const [index, promise] of waiting) void promise.then(() => seen.push(index));
  await nextTurn();
  return seen.toSorted((a, b) => a - b);
}

test('chunks are held back from the bound on, until others are noted', async () => {
  const image = slots(5);
  const unkept = new UnkeptBytes({ bound: 20, slots: image, keep });
  const waiting = new Map(image.slice(1).map((slot) => [slot.index, unkept.admit(slot)]));
  assert.deepEqual(await admitted(waiting), [1, 2]);
  unkept.written(image[1]!);
  assert.deepEqual(await admitted(waiting), [1, 2], 'what is written still counts');
  unkept.kept(10);
  assert.deepEqual(await admitted(waiting), [1, 2, 3]);
});

test('the first chunk that is not written is let through, for those that wait for it', async () => {
  const image = slots(5);
  const unkept = new UnkeptBytes({ bound: 20, slots: image, keep });
  const ahead = image.slice(1, 3).map((slot) => unkept.admit(slot));
  await Promise.all(ahead);
  await unkept.admit(image[0]!);
  assert.equal(unkept.bytes, 30);
});

test('a failure is told to all that wait, and to all that come', async () => {
  const image = slots(3);
  const unkept = new UnkeptBytes({ bound: 10, slots: image, keep });
  await unkept.admit(image[1]!);
  const waiting = unkept.admit(image[2]!);
  unkept.fail(new Error('disk full'));
  await assert.rejects(waiting, /disk full/u);
  await assert.rejects(unkept.admit(image[0]!), /disk full/u);
});

test('whatever the window and the order of arrival, never more than the bound and one chunk, and never a deadlock', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 10, max: 60 }),
      fc.boolean(),
      fc.infiniteStream(fc.integer({ min: 0, max: 1_000_000 })),
      async (window, bound, isOrdered, choices) => {
        const pick = <Item>(items: readonly Item[]): Item => items[(choices.next().value ?? 0) % items.length]!;
        const image = slots(30);
        let mustKeep = false;
        const unkept = new UnkeptBytes({ bound, slots: image, keep: () => (mustKeep = true) });
        const fetching: Slot[] = [];
        const decoded: Slot[] = [];
        let [next, decoding, writtenBytes, done] = [0, 0, 0, 0];
        while (done < image.length) {
          while (next < image.length && fetching.length + decoding + decoded.length < window)
            fetching.push(image[next++]!);
          if (fetching.length > 0) {
            const arrived = pick(fetching);
            fetching.splice(fetching.indexOf(arrived), 1);
            decoding += 1;
            void unkept.admit(arrived).then(() => {
              decoding -= 1;
              decoded.push(arrived);
            });
          }
          await nextTurn();
          assert.ok(unkept.bytes <= bound + 10, `${unkept.bytes} bytes`);
          const writable = isOrdered ? decoded.filter(({ index }) => index === done) : decoded;
          // As the target does it: a full batch, or when asked to.
          const keeps = writtenBytes > 0 && (mustKeep || writtenBytes + 10 > bound);
          assert.ok(writable.length > 0 || keeps || fetching.length > 0, 'nobody can go on');
          if (keeps) {
            mustKeep = false;
            const bytes = writtenBytes;
            writtenBytes = 0;
            unkept.kept(bytes);
          } else if (writable.length > 0) {
            const slot = pick(writable);
            decoded.splice(decoded.indexOf(slot), 1);
            writtenBytes += 10;
            done += 1;
            unkept.written(slot);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});
