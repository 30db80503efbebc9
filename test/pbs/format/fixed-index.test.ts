import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import * as fc from 'fast-check';

import { KnownError } from '../../../src/model/errors.ts';
import type { CryptConfig } from '../../../src/pbs/format/crypt-config.ts';
import { chunkDigest, zeroChunkDigest } from '../../../src/pbs/format/digest.ts';
import { encodeFixedIndex, parseFixedIndex, readFixedIndexStream } from '../../../src/pbs/format/fixed-index.ts';
import { otherCrypt, specCrypt } from './keys.ts';

const withCode = (code: string) => (error: unknown) => error instanceof KnownError && error.code === code;

/** The index of spec 13.5: zeros, 0x41, and a short tail of zeros. */
const digests = [
  'bb9f8df61474d25e71fa00722318cd387396ca1736605e1248821cc0de3d3af8',
  'a58789e910e5f939afc433a00fef5930702927dc192cb237fd9e7449bd6ffe1d',
  '5647f05ec18958947d32874eeb788fa396a05d0bab7c1b71f112ceb7e9b31eee',
];
const file = Buffer.from(
  encodeFixedIndex({
    size: 10_485_760,
    chunkSize: 4_194_304,
    digests: Buffer.from(digests.join(''), 'hex'),
    uuid: '00112233445566778899aabbccddeeff',
    ctime: 1_755_000_000,
  }),
);

/** The same file with some bytes replaced, and its csum made right again. */
function changed(offset: number, bytes: ArrayLike<number>, fixCsum = false): Buffer {
  const copy = Buffer.from(file);
  copy.set(bytes, offset);
  if (fixCsum) copy.write(chunkDigest(copy.subarray(4096)), 32, 'hex');
  return copy;
}

const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
};

const pieces = function* (bytes: Uint8Array, length: number): Generator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += length) yield bytes.subarray(offset, offset + length);
};

describe('a fixed index', () => {
  it('is written as in spec 13.5', () => {
    assert.equal(file.length, 4192);
    assert.equal(chunkDigest(file), '84e733c31927d10717e5371b9fcc9eac839ec33bf35bed7e7d3ebb467e659f3f');
  });

  it('tells its header and slots', () => {
    const index = parseFixedIndex(file);
    assert.deepEqual(
      [index.size, index.chunkSize, index.slotCount, index.uuid, index.ctime],
      [10_485_760, 4_194_304, 3, '00112233445566778899aabbccddeeff', 1_755_000_000],
    );
    assert.equal(index.csum, '648f9b6cd26a6d5569eb7b18eb34d6557c69f9e41e65b4911db1152c8b8451e7');
    assert.equal(index.digestAt(1), digests[1]);
    assert.throws(() => index.digestAt(3), RangeError);
    const slots = [...index.slots()];
    assert.deepEqual(slots, [...index.slots()]);
    assert.deepEqual(
      slots.map(({ index, offset, length, isZero }) => [index, offset, length, isZero]),
      [
        [0, 0, 4_194_304, true],
        [1, 4_194_304, 4_194_304, false],
        [2, 8_388_608, 2_097_152, false],
      ],
    );
    assert.deepEqual(
      slots.map(({ digest }) => digest),
      digests,
    );
  });

  it('does not take a short tail for zeros, even under the digest of a full chunk', () => {
    const lying = changed(4096 + 64, Buffer.from(digests[0] ?? '', 'hex'), true);
    assert.deepEqual(
      [...parseFixedIndex(lying).slots()].map(({ isZero }) => isZero),
      [true, false, false],
    );
  });

  it('knows zeros by another digest under a key', () => {
    const keyed = changed(4096 + 32, Buffer.from(zeroChunkDigest(4_194_304, specCrypt), 'hex'), true);
    const zeros = (crypt?: CryptConfig): readonly boolean[] =>
      [...parseFixedIndex(keyed, crypt === undefined ? {} : { crypt }).slots()].map(({ isZero }) => isZero);
    assert.deepEqual(zeros(specCrypt), [false, true, false]);
    assert.deepEqual(zeros(otherCrypt), [false, false, false]);
    assert.deepEqual(zeros(), [true, false, false]);
  });

  const damaged: readonly (readonly [string, string, Uint8Array])[] = [
    ['has another magic', 'index-magic', changed(0, [0])],
    ['ends in its header', 'index-truncated', file.subarray(0, 4095)],
    ['is empty', 'index-truncated', file.subarray(0, 0)],
    ['lacks a byte', 'index-length', file.subarray(0, -1)],
    ['lacks a digest', 'index-length', file.subarray(0, -32)],
    ['has a digest too many', 'index-length', Buffer.concat([file, Buffer.alloc(32)])],
    ['has a chunk size of 0', 'index-chunk-size', changed(72, u64(0n))],
    ['has a chunk size that is no power of two', 'index-chunk-size', changed(72, u64(4_194_305n))],
    ['has a chunk size that would take forever to hash', 'index-chunk-size', changed(72, u64(2n ** 62n))],
    ['has no chunks', 'index-empty', changed(64, u64(0n)).subarray(0, 4096)],
    ['has a size that is no number', 'index-size', changed(64, u64(2n ** 63n))],
    ['claims terabytes', 'index-length', changed(64, u64(2n ** 42n))],
    ['has a flipped bit in a digest', 'index-csum', changed(4100, [1])],
    ['has another checksum', 'index-csum', changed(32, [1])],
  ];
  for (const [what, code, bytes] of damaged) {
    it(`is refused when it ${what}`, async () => {
      assert.throws(() => parseFixedIndex(bytes), withCode(code));
      await assert.rejects(readFixedIndexStream(pieces(bytes, 1000)), withCode(code));
    });
  }

  it('is the same from a stream of pieces of any size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5000 }), async (length) => {
        const index = await readFixedIndexStream(pieces(file, length));
        assert.deepEqual([...index.slots()], [...parseFixedIndex(file).slots()]);
      }),
      { numRuns: 30 },
    );
  });

  it('is read from a stream without holding more than asked', async () => {
    await assert.rejects(readFixedIndexStream([file], { maxDigestBytes: 95 }), withCode('index-too-large'));
    assert.equal((await readFixedIndexStream([file], { maxDigestBytes: 96 })).slotCount, 3);
    let taken = 0;
    const endless = function* (): Generator<Uint8Array> {
      yield changed(64, u64(2n ** 40n)).subarray(0, 4096);
      for (; taken < 1000; taken += 1) yield Buffer.alloc(1 << 20);
    };
    await assert.rejects(readFixedIndexStream(endless()), withCode('index-length'));
    assert.equal(taken, 8, 'read on after the digests of 1 TiB');
  });

  it('refuses to be written with digests that do not fit', () => {
    const options = { size: 4_194_305, chunkSize: 4_194_304, digests: new Uint8Array(32), ctime: 1 };
    assert.throws(() => encodeFixedIndex(options), withCode('index-arguments'));
  });

  it('comes back as it was written', () => {
    const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(
        fc.array(digest, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 4096 }),
        (list, tail) => {
          const size = (list.length - 1) * 4096 + tail;
          const index = parseFixedIndex(
            encodeFixedIndex({ size, chunkSize: 4096, digests: Buffer.concat(list), ctime: 7 }),
          );
          const slots = [...index.slots()];
          assert.equal(
            slots.reduce((sum, { length }) => sum + length, 0),
            size,
          );
          assert.deepEqual(
            slots.map(({ digest }) => digest),
            list.map((bytes) => Buffer.from(bytes).toString('hex')),
          );
        },
      ),
    );
  });
});
