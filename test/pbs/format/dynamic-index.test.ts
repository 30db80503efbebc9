import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import * as fc from 'fast-check';

import { KnownError } from '../../../src/model/errors.ts';
import { parseArchiveIndex, readArchiveIndexStream } from '../../../src/pbs/format/archive-index.ts';
import { chunkDigest } from '../../../src/pbs/format/digest.ts';
import {
  encodeDynamicIndex,
  parseDynamicIndex,
  readDynamicIndexStream,
} from '../../../src/pbs/format/dynamic-index.ts';
import { expected, goldenStore } from '../datastore/golden.ts';

const withCode = (code: string) => (error: unknown) => error instanceof KnownError && error.code === code;

/** The index of spec 13.6: 100 bytes of 1 and 250 of 2. */
const entries = [
  { end: 100, digest: '80f93e8c7d0e1e083e6aab0b073011d858d092951eb4bb2d595cd43173e04704' },
  { end: 350, digest: '1e3d0c020f8627ffa4eec9aa856b756fc923465895dde53d633cde6bab1e7a0c' },
];
const file = Buffer.from(
  encodeDynamicIndex({ entries, uuid: '00112233445566778899aabbccddeeff', ctime: 1_755_000_000 }),
);

/** The same file with some bytes replaced, and its csum made right again. */
function changed(offset: number, bytes: ArrayLike<number>, fixCsum = true): Buffer {
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

describe('a dynamic index', () => {
  it('is written as in spec 13.6', () => {
    assert.equal(file.length, 4176);
    assert.equal(chunkDigest(file), '036c08d51ef7c40cf3b851a833af263320df84b62b3a9b6d95254e9e79f32c95');
  });

  it('tells its header and slots, none of which is zeros', () => {
    const index = parseDynamicIndex(file);
    assert.deepEqual(
      [index.kind, index.size, index.chunkSize, index.slotCount, index.uuid, index.ctime],
      ['dynamic', 350, 250, 2, '00112233445566778899aabbccddeeff', 1_755_000_000],
    );
    assert.equal(index.csum, 'f0effdd338eba7ada2a9481dc289c4b8c7da7a93bcab3a6473024f1c93304090');
    assert.equal(index.digestAt(1), entries[1]?.digest);
    assert.throws(() => index.digestAt(2), RangeError);
    assert.deepEqual(
      [...index.slots()],
      [
        { index: 0, offset: 0, length: 100, digest: entries[0]?.digest, isZero: false },
        { index: 1, offset: 100, length: 250, digest: entries[1]?.digest, isZero: false },
      ],
    );
    assert.deepEqual([...index.slots()], [...index.slots()]);
  });

  const damaged: readonly (readonly [string, string, Uint8Array])[] = [
    ['has another magic', 'index-magic', changed(0, [0])],
    ['is a fixed one', 'index-magic', changed(0, Buffer.from('2f7f41ed91fd0fcd', 'hex'))],
    ['ends in its header', 'index-truncated', file.subarray(0, 4095)],
    ['is empty', 'index-truncated', file.subarray(0, 0)],
    ['lacks a byte', 'index-length', file.subarray(0, -1)],
    ['lacks an entry', 'index-csum', file.subarray(0, -40)],
    ['has bytes too many', 'index-length', Buffer.concat([file, Buffer.alloc(32)])],
    ['has a flipped bit in a digest', 'index-csum', changed(4096 + 8, [1], false)],
    ['has another checksum', 'index-csum', changed(32, [1], false)],
    ['has a chunk of no bytes', 'index-order', changed(4096 + 40, u64(100n))],
    ['runs backwards', 'index-order', changed(4096 + 40, u64(99n))],
    ['begins with a chunk of no bytes', 'index-order', changed(4096, u64(0n))],
    ['has a chunk that no client cuts', 'index-chunk-size', changed(4096 + 40, u64(100n + 16n * 1024n * 1024n + 1n))],
    ['ends beyond all numbers', 'index-chunk-size', changed(4096 + 40, u64(2n ** 64n - 1n))],
  ];
  for (const [what, code, bytes] of damaged) {
    it(`is refused when it ${what}`, async () => {
      assert.throws(() => parseDynamicIndex(bytes), withCode(code));
      await assert.rejects(readDynamicIndexStream(pieces(bytes, 1000)), withCode(code));
    });
  }

  it('may have the longest chunk, and none at all', () => {
    assert.equal(parseDynamicIndex(changed(4096 + 40, u64(100n + 16n * 1024n * 1024n))).chunkSize, 16 * 1024 * 1024);
    const empty = parseDynamicIndex(encodeDynamicIndex({ entries: [], ctime: 1 }));
    assert.deepEqual([empty.size, empty.slotCount, [...empty.slots()]], [0, 0, []]);
  });

  it('is the same from a stream of pieces of any size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5000 }), async (length) => {
        const index = await readDynamicIndexStream(pieces(file, length));
        assert.deepEqual([...index.slots()], [...parseDynamicIndex(file).slots()]);
      }),
      { numRuns: 30 },
    );
  });

  it('is read from a stream without holding more than asked, and not at all when it is something else', async () => {
    await assert.rejects(readDynamicIndexStream([file], { maxEntryBytes: 79 }), withCode('index-too-large'));
    assert.equal((await readDynamicIndexStream([file], { maxEntryBytes: 80 })).slotCount, 2);
    let taken = 0;
    const endless = function* (first: Uint8Array): Generator<Uint8Array> {
      yield first;
      for (; taken < 1000; taken += 1) yield Buffer.alloc(1 << 20);
    };
    await assert.rejects(
      readDynamicIndexStream(endless(file.subarray(0, 4096)), { maxEntryBytes: 8 << 20 }),
      withCode('index-too-large'),
    );
    assert.equal(taken, 8);
    await assert.rejects(readDynamicIndexStream(endless(Buffer.alloc(4096))), withCode('index-magic'));
    assert.equal(taken, 8, 'read on behind a header that is none');
  });

  it('refuses to be written with chunks that cannot be', () => {
    const digest = 'a'.repeat(64);
    for (const ends of [[0], [5, 5], [5, 4], [16 * 1024 * 1024 + 1], [1.5], [Number.NaN]]) {
      assert.throws(
        () => encodeDynamicIndex({ entries: ends.map((end) => ({ end, digest })), ctime: 1 }),
        withCode('index-arguments'),
      );
    }
  });

  it('comes back as it was written', () => {
    const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));
    const chunk = fc.tuple(fc.integer({ min: 1, max: 16 * 1024 * 1024 }), digest);
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 20 }), (chunks) => {
        let end = 0;
        const list = chunks.map(([length, one]) => ({ end: (end += length), digest: one }));
        const index = parseDynamicIndex(encodeDynamicIndex({ entries: list, ctime: 7 }));
        assert.equal(index.size, end);
        assert.deepEqual(
          [...index.slots()].map(({ length, digest: one }) => [length, one]),
          chunks,
        );
      }),
    );
  });
});

describe('an index of either kind', () => {
  it('tells of every golden archive what PBS recorded', async () => {
    let dynamic = 0;
    for (const [snapshot, { files }] of Object.entries(expected.snapshots)) {
      for (const [archive, facts] of Object.entries(files)) {
        const kind = archive.endsWith('.fidx') ? 'fixed' : 'dynamic';
        if (archive.endsWith('.blob')) continue;
        const bytes = readFileSync(join(goldenStore, snapshot, archive));
        for (const index of [parseArchiveIndex(kind, bytes), await readArchiveIndexStream(kind, pieces(bytes, 999))]) {
          assert.deepEqual(
            [index.kind, index.size, index.csum, index.uuid, index.slotCount],
            [kind, facts.size, facts.csum, facts.uuid, facts.chunk_count],
            `${snapshot}/${archive}`,
          );
          if (kind === 'fixed') continue;
          dynamic += 1;
          const ends = [...index.slots()].map(({ offset, length }) => offset + length);
          assert.deepEqual(ends, facts.chunk_ends, `${snapshot}/${archive}`);
        }
      }
    }
    assert.ok(dynamic >= 10);
  });
});
