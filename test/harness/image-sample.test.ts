import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { sampleImage } from '../../src/harness/image-sample.ts';
import { samplings } from '../../src/model/environment.ts';
import type { Image, Slot } from '../../src/model/image.ts';

const CHUNK = 4096;

function plantImage(zeroes: readonly boolean[], tailBytes = CHUNK): Image {
  const slots = zeroes.map((isZero, index): Slot => ({
    index,
    offset: index * CHUNK,
    length: index === zeroes.length - 1 ? tailBytes : CHUNK,
    digest: isZero ? 'zero' : String(index),
    isZero,
  }));
  return {
    size: (zeroes.length - 1) * CHUNK + tailBytes,
    chunkSize: CHUNK,
    slotCount: zeroes.length,
    slots: () => slots,
  };
}

await describe('a sample of an image', () => {
  test('is an image: as large as asked, in index order, without gaps, each slot once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 400 }),
        fc.integer({ min: 1, max: CHUNK }),
        fc.integer({ min: 1, max: 500 * CHUNK }),
        fc.constantFrom(...samplings),
        (zeroes, tailBytes, bytes, sampling) => {
          const whole = plantImage(zeroes, tailBytes);
          const sample = sampleImage(whole, bytes, sampling);
          const slots = [...sample.slots()];
          assert.equal(sample.slotCount, Math.min(zeroes.length, Math.max(1, Math.round(bytes / CHUNK))));
          assert.equal(slots.length, sample.slotCount);
          assert.equal(
            slots.reduce((sum, { length }) => sum + length, 0),
            sample.size,
          );
          const original = [...whole.slots()];
          let before = -1;
          for (const [index, slot] of slots.entries()) {
            assert.deepEqual([slot.index, slot.offset], [index, index * CHUNK]);
            assert.ok(index === slots.length - 1 || slot.length === CHUNK);
            if (slot.isZero) continue;
            const place = Number(slot.digest);
            assert.ok(place > before && original[place]?.length === slot.length);
            before = place;
          }
        },
      ),
    );
  });

  test('that is spread reaches from end to end, in runs of neighbours', () => {
    const whole = plantImage(Array.from({ length: 10_000 }, () => false));
    const places = Array.from(sampleImage(whole, 1000 * CHUNK, 'spread').slots(), ({ digest }) => Number(digest));
    assert.ok((places[0] ?? 0) < 200 && (places.at(-1) ?? 0) > 9800);
    const neighbours = places.filter((place, index) => place === (places[index - 1] ?? -2) + 1).length;
    assert.ok(neighbours > 900, `${neighbours} of 1000 follow their neighbour`);
  });

  test('in one piece has about the share of zeros of the whole, wherever they are', () => {
    // All data at the front, as on a disk that is not full.
    const whole = plantImage(Array.from({ length: 1000 }, (_, index) => index >= 400));
    const slots = [...sampleImage(whole, 100 * CHUNK, 'contiguous').slots()];
    assert.equal(slots.filter(({ isZero }) => isZero).length, 60);
  });
});
