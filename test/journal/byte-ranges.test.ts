import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { ByteRanges } from '../../src/journal/byte-ranges.ts';

const SIZE = 64;
const range = fc
  .tuple(fc.integer({ min: 0, max: SIZE - 1 }), fc.integer({ min: 0, max: SIZE }))
  .map(([offset, length]) => [offset, Math.min(length, SIZE - offset)] as const);

test('holds exactly the bytes that were added, in whatever order and however they overlap', () => {
  fc.assert(
    fc.property(fc.array(range), range, (added, [offset, length]) => {
      const ranges = new ByteRanges();
      const bytes = new Set<number>();
      for (const [start, count] of added) {
        ranges.add(start, count);
        for (let at = start; at < start + count; at += 1) bytes.add(at);
      }
      assert.equal(ranges.bytes, bytes.size);
      const expected = Array.from({ length }, (_, at) => bytes.has(offset + at)).every(Boolean);
      assert.equal(ranges.covers(offset, length), expected);
    }),
  );
});

test('lists sorted ranges with gaps between them', () => {
  fc.assert(
    fc.property(fc.array(range), (added) => {
      const listed = [...new ByteRanges(added)];
      let end = -1;
      for (const [offset, length] of listed) {
        assert.ok(length > 0);
        assert.ok(offset > end, 'ranges that touch are one');
        end = offset + length;
      }
      assert.deepEqual([...new ByteRanges(listed)], listed);
    }),
  );
});
