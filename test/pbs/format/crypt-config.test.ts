import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';

import * as fc from 'fast-check';

import { KnownError } from '../../../src/model/errors.ts';
import { decodeBlob, encodeBlob, parseBlob } from '../../../src/pbs/format/blob.ts';
import { CryptConfig } from '../../../src/pbs/format/crypt-config.ts';
import { chunkDigest, zeroChunkDigest } from '../../../src/pbs/format/digest.ts';
import { otherCrypt, specCrypt, specKey } from './keys.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/gu, ''), 'hex');
const withCode = (code: string) => (error: unknown) => error instanceof KnownError && error.code === code;
const hello = Buffer.from('hello PBS\n');
const specIv = hex('a0a1a2a3a4a5a6a7a8a9aaabacadaeaf');

describe('an encryption key', () => {
  it('has the fingerprint and digests of spec 13.2', () => {
    assert.equal(
      specCrypt.fingerprint,
      '0e:ab:d4:46:0b:6e:b9:ca:34:50:23:de:e2:b7:78:c7:90:e5:4a:16:83:b9:65:9c:0a:57:ae:19:90:90:15:9b',
    );
    assert.equal(specCrypt.shortId, '0e:ab:d4:46:0b:6e:b9:ca');
    assert.equal(chunkDigest(hello, specCrypt), '96ab83f8f185a08d4bfda8a90032879831bbfcdd516adc667b5844953465db19');
    const zeros = '348571e12bbbedb529def1f1394316e338a01945d871df9ef792617ceb13d636';
    assert.equal(zeroChunkDigest(4 << 20, specCrypt), zeros);
    assert.equal(chunkDigest(new Uint8Array(4 << 20), specCrypt), zeros);
  });

  it('gives the same digest to bytes in pieces', () => {
    const pieces = createHash('sha256').update(hello.subarray(0, 3)).update(hello.subarray(3));
    assert.equal(specCrypt.finishDigest(pieces), chunkDigest(hello, specCrypt));
    assert.notEqual(chunkDigest(hello, specCrypt), chunkDigest(hello, otherCrypt));
  });

  it('has 32 bytes', () => {
    for (const length of [0, 16, 31, 33]) {
      assert.throws(() => new CryptConfig(new Uint8Array(length)), withCode('key-length'));
    }
  });

  it('is a copy, and shows up in no output', () => {
    const key = Buffer.from(specKey);
    const crypt = new CryptConfig(key);
    key.fill(0);
    assert.equal(crypt.digest(hello), specCrypt.digest(hello));
    const shown = [inspect(crypt, { depth: Infinity, showHidden: true }), JSON.stringify(crypt)].join();
    for (const secret of [specKey.toString('hex'), specKey.toString('base64'), '<Buffer', '7c2c013e', '124, 44, 1']) {
      assert.ok(!shown.includes(secret), shown);
    }
    crypt.copyKey().fill(0);
    assert.equal(crypt.digest(hello), specCrypt.digest(hello));
  });
});

describe('an encrypted blob', () => {
  it('is the one of spec 13.3', () => {
    const blob = encodeBlob(hello, { crypt: specCrypt, iv: specIv, compress: false });
    assert.equal(
      Buffer.from(blob).toString('hex'),
      hex(`7b6785be222d4cf0 48816ec5 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf
           b7b465ea415d4c977bccf93eac686ab6 42c64fd077ed9d349094`).toString('hex'),
    );
    assert.equal(chunkDigest(blob), '923c1c64b35426157a160a5d12178b8950dabce755974fff027ed56f3d0048ef');
    assert.deepEqual(Buffer.from(decodeBlob(blob, { maxPlainBytes: 10, crypt: specCrypt })), hello);
  });

  it('decodes as in spec 13.4 when it was compressed before', () => {
    const blob = hex(`e6591bbf0bbfd80b e7ce44b3 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf
                      2f501834f2f39b6fa8ce94c453d9a4d0 02160c4138a98876c38e5ef0ec14b291ae`);
    const plain = decodeBlob(blob, { maxPlainBytes: 100, crypt: specCrypt });
    assert.deepEqual(Buffer.from(plain), Buffer.alloc(100, 0x41));
    assert.equal(chunkDigest(plain, specCrypt), 'd2031c393f6997a6aace7b23249796ff14d697327ea9032034e6bed141c7bb28');
    assert.throws(() => decodeBlob(blob, { maxPlainBytes: 99, crypt: specCrypt }), withCode('blob-too-large'));
  });

  it('comes back as it was written, compressed or not', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), fc.boolean(), (bytes, repeats, compress) => {
        const plain = repeats ? Buffer.concat(Array<Uint8Array>(20).fill(bytes)) : Buffer.from(bytes);
        const blob = encodeBlob(plain, { crypt: specCrypt, compress });
        assert.ok(parseBlob(blob).cipher !== undefined);
        assert.ok(blob.length <= plain.length + 44);
        const decoded = decodeBlob(blob, { maxPlainBytes: plain.length, crypt: specCrypt });
        assert.deepEqual(Buffer.from(decoded), plain);
      }),
    );
  });

  it('has another IV each time', () => {
    const [one, two] = [encodeBlob(hello, { crypt: specCrypt }), encodeBlob(hello, { crypt: specCrypt })];
    assert.notDeepEqual(parseBlob(one).cipher?.iv, parseBlob(two).cipher?.iv);
  });

  it('can be read from memory that threads share', () => {
    const blob = encodeBlob(hello, { crypt: specCrypt });
    const shared = new Uint8Array(new SharedArrayBuffer(blob.length));
    shared.set(blob);
    assert.deepEqual(Buffer.from(decodeBlob(shared, { maxPlainBytes: 10, crypt: specCrypt })), hello);
  });

  it('is refused without its key, and under another one', () => {
    const blob = encodeBlob(hello, { crypt: specCrypt });
    assert.throws(() => decodeBlob(blob, { maxPlainBytes: 10 }), withCode('key-missing'));
    assert.throws(() => decodeBlob(blob, { maxPlainBytes: 10, crypt: otherCrypt }), withCode('blob-decrypt'));
  });

  it('is refused wherever one bit of it is changed', () => {
    const blob = encodeBlob(hello, { crypt: specCrypt });
    for (let at = 12; at < blob.length; at += 1) {
      const changed = Uint8Array.from(blob);
      changed[at] = (changed[at] ?? 0) ^ 1;
      assert.throws(
        () => decodeBlob(changed, { maxPlainBytes: 10, crypt: specCrypt, verifyCrc: false }),
        withCode('blob-decrypt'),
      );
      const code = at < 44 ? 'blob-decrypt' : 'blob-crc';
      assert.throws(() => decodeBlob(changed, { maxPlainBytes: 10, crypt: specCrypt }), withCode(code));
    }
  });
});
