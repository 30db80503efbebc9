import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { constants, crc32, zstdCompressSync } from 'node:zlib';

import * as fc from 'fast-check';

import { IntegrityError, KnownError } from '../../../src/model/errors.ts';
import { decodeBlob, encodeBlob, encodeBlobParts, parseBlob } from '../../../src/pbs/format/blob.ts';
import { chunkDigest, isDigest, zeroChunkDigest } from '../../../src/pbs/format/digest.ts';
import { formatOf, magics, type FormatName } from '../../../src/pbs/format/magic.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/gu, ''), 'hex');
const withCode = (code: string) => (error: unknown) => error instanceof KnownError && error.code === code;

/** A blob around any payload, with a right CRC. */
function zstdBlob(payload: Uint8Array): Buffer {
  const header = Buffer.alloc(12);
  header.write(magics.zstd, 'hex');
  header.writeUInt32LE(crc32(payload), 8);
  return Buffer.concat([header, payload]);
}

const hello = Buffer.from('hello PBS\n');
const frameOf100As = hex('28b52ffd206445000010414101003f012c');
const frameOfZeroChunk = hex(`
  28b52ffd8048000040005400001000000100fbff39c002020010000200100002001000020010000200100002001000020010
  000200100002001000020010000200100002001000020010000200100002001000440000000100fdffcd0b10020010000200
  1000020010000200100002001000020010000200100002001000020010000200100002001000020010000200100002001000
  03001000
`);

describe('magic', () => {
  it('is the start of the SHA-256 of a sentence (spec 6.1)', () => {
    const sentences: Readonly<Record<FormatName, string>> = {
      plain: 'uncompressed blob',
      zstd: 'zstd compressed blob',
      encrypted: 'encrypted blob',
      'zstd-encrypted': 'zstd compressed encrypted blob',
      fixedIndex: 'fixed sized chunk index',
      dynamicIndex: 'dynamic sized chunk index',
    };
    for (const [name, sentence] of Object.entries(sentences)) {
      const start = createHash('sha256').update(`Proxmox Backup ${sentence} v1.0`).digest().subarray(0, 8);
      assert.equal(formatOf(start), name);
    }
    assert.equal(formatOf(hex('42ab3807be8370')), undefined);
  });
});

describe('a plain blob', () => {
  it('is the one of spec 13.1', () => {
    const blob = encodeBlob(hello, { compress: false });
    assert.deepEqual(blob, hex('42ab3807be8370a1 72582f0d 68656c6c6f205042530a'));
    assert.equal(chunkDigest(blob), '0c8324a7ed13a2e0405bb33c6ddc03169e7309449bf443a5171eff8c7fe8ad11');
    assert.equal(chunkDigest(hello), 'b71659ae865dc9ee9ace2018e699a98b238f6252e6b48eb5a1ad685d9d34b6e5');
    assert.deepEqual(encodeBlob(new Uint8Array(), { compress: false }), hex('42ab3807be8370a100000000'));
  });

  it('is decoded without copying', () => {
    const blob = encodeBlob(hello, { compress: false });
    const plain = decodeBlob(blob, { maxPlainBytes: 10 });
    assert.deepEqual(Buffer.from(plain), hello);
    assert.equal(plain.buffer, blob.buffer);
  });

  it('has the headers of spec 13.5 for the chunks there', () => {
    const header = (byte: number) =>
      Buffer.from(encodeBlobParts(new Uint8Array(4 << 20).fill(byte), { compress: false }).header).toString('hex');
    assert.equal(header(0), '42ab3807be8370a16a404711');
    assert.equal(header(0x41), '42ab3807be8370a1082b47a5');
  });

  it('is what incompressible bytes become, as in PBS', () => {
    const plain = randomBytes(70_000);
    assert.equal(parseBlob(encodeBlob(plain)).kind, 'plain');
  });

  it('takes a known CRC over and gives the payload itself', () => {
    const parts = encodeBlobParts(hello, { compress: false, plainCrc: 0x0d2f5872 });
    assert.equal(parts.payload, hello);
    assert.deepEqual(Buffer.concat([parts.header, parts.payload]), encodeBlob(hello, { compress: false }));
  });

  it('is refused when it holds more than expected', () => {
    const blob = encodeBlob(hello, { compress: false });
    assert.throws(() => decodeBlob(blob, { maxPlainBytes: 9 }), withCode('blob-too-large'));
  });
});

describe('a zstd blob', () => {
  it('decodes as in spec 13.4', () => {
    const blob = hex(`31b958426fb6a37f 98c12988 ${frameOf100As.toString('hex')}`);
    assert.equal(parseBlob(blob).kind, 'zstd');
    assert.equal(parseBlob(blob).crc, 0x8829c198);
    assert.deepEqual(Buffer.from(decodeBlob(blob, { maxPlainBytes: 100 })), Buffer.alloc(100, 0x41));
  });

  it('of zeros decodes to the zero chunk of spec 13.4 and 6.2', () => {
    const blob = Buffer.concat([hex('31b958426fb6a37f 6068c03a'), frameOfZeroChunk]);
    assert.equal(blob.length, 166);
    assert.equal(chunkDigest(decodeBlob(blob, { maxPlainBytes: 4 << 20 })), zeroChunkDigest(4 << 20));
  });

  it('says how long its content is, as ZSTD_compress does', () => {
    const frame = parseBlob(encodeBlob(new Uint8Array(4 << 20))).payload;
    assert.equal(Buffer.from(frame.subarray(0, 10)).toString('hex'), '28b52ffd804800004000');
  });

  it('is kept where it is as long as its input, and not where it is longer', () => {
    for (let length = 0; length < 200; length += 1) {
      const plain = Buffer.from('ab'.repeat(length).slice(0, length));
      const { kind, payload } = parseBlob(encodeBlob(plain));
      const compressed = zstdCompressSync(plain, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
      assert.equal(kind, compressed.length <= length ? 'zstd' : 'plain', `${length} bytes`);
      assert.ok(payload.length <= length);
    }
  });

  it('may consist of several frames, skippable and empty ones among them', () => {
    const skippable = hex('532a4d18 03000000 aabbcc');
    const frames = [zstdCompressSync(hello), skippable, zstdCompressSync(Buffer.alloc(0)), frameOf100As, skippable];
    const plain = Buffer.from(decodeBlob(zstdBlob(Buffer.concat(frames)), { maxPlainBytes: 110 }));
    assert.deepEqual(plain, Buffer.concat([hello, Buffer.alloc(100, 0x41)]));
    assert.throws(
      () => decodeBlob(zstdBlob(Buffer.concat(frames)), { maxPlainBytes: 109 }),
      withCode('blob-too-large'),
    );
  });

  it('may not say how long its content is', () => {
    const content = Buffer.alloc(3_000_000, 'data');
    const frame = zstdCompressSync(content, { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } });
    assert.deepEqual(Buffer.from(decodeBlob(zstdBlob(frame), { maxPlainBytes: 3_000_000 })), content);
    assert.throws(() => decodeBlob(zstdBlob(frame), { maxPlainBytes: 2_999_999 }), withCode('blob-too-large'));
  });

  it('is refused when it is cut short, followed by other bytes, empty or no zstd', () => {
    const frame = zstdCompressSync(Buffer.alloc(5000, 'some text'));
    for (const payload of [
      frame.subarray(0, -1),
      frame.subarray(0, 3),
      Buffer.concat([frame, hello]),
      Buffer.concat([frame, hex('532a4d18 ff000000')]),
      Buffer.alloc(0),
      hello,
    ]) {
      assert.throws(() => decodeBlob(zstdBlob(payload), { maxPlainBytes: 5000 }), withCode('blob-zstd'));
    }
  });

  it('is refused before memory is taken when it claims to hold too much', () => {
    const claim = hex('28b52ffd e0 ffffffffffff0000 010000');
    assert.throws(() => decodeBlob(zstdBlob(claim), { maxPlainBytes: 4 << 20 }), withCode('blob-too-large'));
  });

  it('of very many empty frames is refused instead of decoded for minutes', () => {
    const frames = Buffer.concat(Array<Buffer>(5000).fill(zstdCompressSync(Buffer.alloc(0))));
    assert.throws(() => decodeBlob(zstdBlob(frames), { maxPlainBytes: 1 }), withCode('blob-zstd'));
  });
});

describe('a damaged blob', () => {
  it('is told apart by its code', () => {
    const blob = Buffer.from(encodeBlob(hello, { compress: false }));
    assert.throws(() => parseBlob(blob.subarray(0, 11)), withCode('blob-truncated'));
    assert.throws(() => parseBlob(Buffer.alloc(20)), withCode('blob-magic'));
    const flipped = Buffer.from(blob);
    flipped[14] = 0;
    assert.throws(() => decodeBlob(flipped, { maxPlainBytes: 10 }), withCode('blob-crc'));
    assert.doesNotThrow(() => decodeBlob(flipped, { maxPlainBytes: 10, verifyCrc: false }));
  });
});

describe('an encrypted blob', () => {
  const blob = hex(`7b6785be222d4cf0 48816ec5 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf b7b465ea415d4c977bccf93eac686ab6
    42c64fd077ed9d349094`);

  it('is taken apart as in spec 13.3', () => {
    const { kind, crc, payload, cipher } = parseBlob(blob);
    assert.deepEqual([kind, crc, payload.length], ['encrypted', 0xc56e8148, 10]);
    assert.equal(crc32(payload), crc);
    assert.deepEqual(cipher?.iv, blob.subarray(12, 28));
    assert.deepEqual(cipher?.tag, blob.subarray(28, 44));
    assert.throws(() => parseBlob(blob.subarray(0, 43)), withCode('blob-truncated'));
  });

  it('is not decoded without its key', () => {
    assert.throws(() => decodeBlob(blob, { maxPlainBytes: 10 }), withCode('key-missing'));
    const damaged = Buffer.from(blob);
    damaged[50] = 0;
    assert.throws(() => decodeBlob(damaged, { maxPlainBytes: 10 }), withCode('blob-crc'));
  });
});

describe('digests', () => {
  it('of zeros are those of spec 6.2', () => {
    assert.equal(zeroChunkDigest(64 << 10), 'de2f256064a0af797747c2b97505dc0b9f3df0de4f489eac731c23ae9ca9cc31');
    assert.equal(zeroChunkDigest(2 << 20), '5647f05ec18958947d32874eeb788fa396a05d0bab7c1b71f112ceb7e9b31eee');
    assert.equal(zeroChunkDigest(4 << 20), chunkDigest(new Uint8Array(4 << 20)));
  });

  it('are 64 lower-case hex digits', () => {
    assert.ok(isDigest('0'.repeat(64)));
    for (const text of ['', 'a'.repeat(63), 'A'.repeat(64), `${'a'.repeat(64)}\n`, '../'.padEnd(64, 'a')])
      assert.ok(!isDigest(text));
  });
});

describe('any bytes', () => {
  it('come back from a blob', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), fc.boolean(), (plain, compress) => {
        const decoded = decodeBlob(encodeBlob(plain, { compress }), { maxPlainBytes: plain.length });
        assert.deepEqual(Buffer.from(decoded), Buffer.from(plain));
      }),
    );
  });

  it('are decoded or refused with an IntegrityError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (payload) => {
        try {
          decodeBlob(zstdBlob(payload), { maxPlainBytes: 1000 });
        } catch (error) {
          assert.ok(error instanceof IntegrityError);
        }
      }),
    );
  });
});
