import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';

import * as fc from 'fast-check';

import { listCoverageProblems, type RecordedWrite } from '../../src/target/coverage.ts';
import type { ExpectedImage } from '../../src/target/target.ts';

const chunkSize = 8;
const size = 36;
const zeros = crc32(new Uint8Array(chunkSize));
const expected: ExpectedImage = { size, chunkSize, slotChecksums: Uint32Array.of(101, zeros, zeros, 104, 105) };
const exact: readonly RecordedWrite[] = [
  { offset: 0, length: 8, crc32: 101 },
  { offset: 8, length: 16 },
  { offset: 24, length: 8, crc32: 104 },
  { offset: 32, length: 4, crc32: 105 },
];
const except = (index: number, ...replaced: RecordedWrite[]): RecordedWrite[] => exact.toSpliced(index, 1, ...replaced);

test('writes that make the image exactly have no problems, in any order', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([...exact], { minLength: 4 }), (writes) => {
      assert.deepEqual(listCoverageProblems(writes, expected), []);
    }),
  );
});

test('zeros may be written slot by slot, or as data', () => {
  assert.deepEqual(
    listCoverageProblems(except(1, { offset: 8, length: 8 }, { offset: 16, length: 8, crc32: zeros }), expected),
    [],
  );
});

test('the stream of an archive is covered chunk by chunk, whatever their lengths', () => {
  const slotOffsets = Float64Array.of(0, 3, 4, 30);
  const archive: ExpectedImage = { size: 36, chunkSize: 26, slotOffsets, slotChecksums: Uint32Array.of(1, 2, 3, 4) };
  const writes = [
    { offset: 4, length: 26, crc32: 3 },
    { offset: 0, length: 3, crc32: 1 },
    { offset: 30, length: 6, crc32: 4 },
    { offset: 3, length: 1, crc32: 2 },
  ];
  assert.deepEqual(listCoverageProblems(writes, archive), []);
  assert.deepEqual(listCoverageProblems(writes.with(0, { offset: 4, length: 26, crc32: 9 }), archive), [
    'wrong bytes at offset 4 (26 bytes)',
  ]);
  assert.deepEqual(listCoverageProblems(writes.with(3, { offset: 3, length: 1 } as never), archive), [
    'zeros at offset 3 (1 bytes) where the image has other bytes',
  ]);
  const halves = [...writes.slice(1), { offset: 4, length: 10, crc32: 3 }, { offset: 14, length: 16, crc32: 3 }];
  assert.deepEqual(listCoverageProblems(halves, archive), [
    '10 bytes at offset 4 do not fill a chunk of the image',
    '16 bytes at offset 14 do not fill a chunk of the image',
  ]);
});

const faults: readonly (readonly [name: string, writes: RecordedWrite[], problems: string[]])[] = [
  ['a gap in the middle', except(1), ['nothing was written at offset 8 (16 bytes)']],
  ['a missing start', except(0), ['nothing was written at offset 0 (8 bytes)']],
  ['a missing tail', except(3), ['nothing was written at offset 32 (4 bytes)']],
  ['no writes at all', [], ['nothing was written at offset 0 (36 bytes)']],
  ['a chunk written twice', [...exact, exact[2]!], ['8 bytes at offset 24 were written twice']],
  ['zeros over data', [...exact, { offset: 16, length: 8 }], ['8 bytes at offset 16 were written twice']],
  [
    'two chunks swapped',
    [{ ...exact[0]!, offset: 24 }, exact[1]!, { ...exact[2]!, offset: 0 }, exact[3]!],
    ['wrong bytes at offset 24 (8 bytes)', 'wrong bytes at offset 0 (8 bytes)'],
  ],
  ['wrong bytes', except(3, { offset: 32, length: 4, crc32: 1 }), ['wrong bytes at offset 32 (4 bytes)']],
  [
    'zeros in the place of data',
    except(2, { offset: 24, length: 8 }),
    ['zeros at offset 24 (8 bytes) where the image has other bytes'],
  ],
  [
    'a tail as long as a chunk',
    except(3, { offset: 32, length: 8, crc32: 105 }),
    ['8 bytes at offset 32 are outside of the image of 36 bytes', 'nothing was written at offset 32 (4 bytes)'],
  ],
  [
    'an offset inside of a chunk',
    except(2, { offset: 25, length: 7, crc32: 104 }),
    ['nothing was written at offset 24 (1 bytes)', '7 bytes at offset 25 do not fill a chunk of the image'],
  ],
  [
    'zeros for half a chunk',
    except(1, { offset: 8, length: 12 }, { offset: 20, length: 4 }),
    ['zeros at offset 16 do not fill a chunk of the image', 'zeros at offset 20 do not fill a chunk of the image'],
  ],
  [
    'an offset that is no number',
    except(3, { offset: Number.NaN, length: 4, crc32: 105 }),
    ['4 bytes at offset NaN are outside of the image of 36 bytes', 'nothing was written at offset 32 (4 bytes)'],
  ],
];
for (const [name, writes, problems] of faults) {
  test(`${name} is told`, () => assert.deepEqual(listCoverageProblems(writes, expected), problems));
}

test('any single write left out, doubled, moved or changed is a problem', () => {
  const slots = 12;
  const image: ExpectedImage = {
    size: slots * chunkSize,
    chunkSize,
    slotChecksums: Uint32Array.from({ length: slots }, (_, slot) => slot + 1),
  };
  const writes = Array.from({ length: slots }, (_, slot) => ({
    offset: slot * chunkSize,
    length: chunkSize,
    crc32: slot + 1,
  }));
  const slot = fc.integer({ min: 0, max: slots - 1 });
  fc.assert(
    fc.property(slot, slot, fc.constantFrom('drop', 'double', 'swap', 'change'), (one, other, kind) => {
      fc.pre(kind !== 'swap' || one !== other);
      const changed = [...writes];
      const [first, second] = [writes[one]!, writes[other]!];
      if (kind === 'drop') changed.splice(one, 1);
      if (kind === 'double') changed.push(first);
      if (kind === 'change') changed[one] = { ...first, crc32: 0 };
      if (kind === 'swap') {
        changed[one] = { ...first, offset: second.offset };
        changed[other] = { ...second, offset: first.offset };
      }
      assert.notDeepEqual(listCoverageProblems(changed, image), []);
    }),
  );
});
