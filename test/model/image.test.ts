import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { slotAt, slotLength, slotStart, type SlotPlaces } from '../../src/model/image.ts';

/** Looks at every slot of an image whose slots have these lengths. */
function assertPlaces(places: SlotPlaces, lengths: readonly number[]): void {
  let start = 0;
  for (const [slot, length] of lengths.entries()) {
    assert.deepEqual([slotStart(places, slot), slotLength(places, slot)], [start, length]);
    for (const offset of [start, start + (length >> 1), start + length - 1]) assert.equal(slotAt(places, offset), slot);
    start += length;
  }
  assert.equal(slotStart(places, lengths.length), places.size);
}

test('slots of one length are found, the short last one too', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 1000 }), (chunkSize, size) => {
      const lengths = Array.from({ length: Math.ceil(size / chunkSize) }, (_, slot) =>
        Math.min(chunkSize, size - slot * chunkSize),
      );
      assertPlaces({ size, chunkSize }, lengths);
    }),
  );
});

test('slots of any lengths are found', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 40 }), (lengths) => {
      let size = 0;
      const slotOffsets = Float64Array.from(lengths, (length) => (size += length) - length);
      assertPlaces({ size, chunkSize: Math.max(...lengths), slotOffsets }, lengths);
    }),
  );
});
