import assert from 'node:assert/strict';
import { createHmac, hash } from 'node:crypto';
import { describe, it } from 'node:test';

import * as fc from 'fast-check';

import { KnownError } from '../../../src/model/errors.ts';
import { encodeBlob } from '../../../src/pbs/format/blob.ts';
import {
  canonicalManifest,
  encodeManifest,
  isSigned,
  keyFingerprint,
  manifestFile,
  parseManifest,
  prettyManifest,
  verifyIndexAgainstManifest,
  type Manifest,
} from '../../../src/pbs/format/manifest.ts';

const withCode = (code: string) => (error: unknown) => error instanceof KnownError && error.code === code;
const blobOf = (value: unknown): Uint8Array =>
  encodeBlob(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));

const indexCsum = '648f9b6cd26a6d5569eb7b18eb34d6557c69f9e41e65b4911db1152c8b8451e7';

/** Spec 13.7. */
const manifest: Manifest = {
  snapshot: { type: 'vm', id: '100', time: 1_754_992_800 },
  files: [
    {
      filename: 'qemu-server.conf.blob',
      cryptMode: 'none',
      size: 22,
      csum: '0c8324a7ed13a2e0405bb33c6ddc03169e7309449bf443a5171eff8c7fe8ad11',
    },
    { filename: 'drive-scsi0.img.fidx', cryptMode: 'none', size: 10_485_760, csum: indexCsum },
  ],
  unprotected: {},
};
const json = (): Record<string, unknown> => JSON.parse(prettyManifest(manifest)) as Record<string, unknown>;

describe('a manifest', () => {
  it('has the canonical form and signature of spec 13.7', () => {
    const canonical = canonicalManifest(manifest);
    assert.equal(
      canonical,
      '{"backup-id":"100","backup-time":1754992800,"backup-type":"vm","files":[{"crypt-mode":"none","csum":"0c8324a7ed13a2e0405bb33c6ddc03169e7309449bf443a5171eff8c7fe8ad11","filename":"qemu-server.conf.blob","size":22},{"crypt-mode":"none","csum":"648f9b6cd26a6d5569eb7b18eb34d6557c69f9e41e65b4911db1152c8b8451e7","filename":"drive-scsi0.img.fidx","size":10485760}]}',
    );
    const idKey = Buffer.from('7c2c013efd07f3b25717a485263343cd4d292a4b65c200bb3b18ea227abe225c', 'hex');
    assert.equal(
      createHmac('sha256', idKey).update(canonical).digest('hex'),
      '98e7d66cfdad3bf5c4abbd5b191572295b747e13d70e1670cdb6be10c19ac076',
    );
  });

  it('is written as in spec 13.7', () => {
    const pretty = prettyManifest(manifest);
    assert.equal(pretty.length, 506);
    assert.equal(hash('sha256', pretty), '458df91f5a18b06bd86621a0d810d8984380821912a9f3aa0d62e36091a3120e');
    const blob = Buffer.from(encodeManifest(manifest, { compress: false }));
    assert.equal(blob.length, 518);
    assert.equal(blob.toString('hex', 0, 12), '42ab3807be8370a106eae73a');
  });

  it('comes back as it was written', () => {
    assert.deepEqual(parseManifest(encodeManifest(manifest)), manifest);
    const signed = {
      ...manifest,
      signature: 'a'.repeat(64),
      unprotected: { notes: 'äöü\n', 'key-fingerprint': '0e:ab' },
    };
    assert.deepEqual(parseManifest(encodeManifest(signed)), signed);
    assert.deepEqual([isSigned(manifest), isSigned(signed)], [false, true]);
    assert.deepEqual([keyFingerprint(manifest), keyFingerprint(signed)], [undefined, '0e:ab']);
  });

  it('sorts keys at every depth', () => {
    const unsorted = { ...manifest, unprotected: { b: [{ z: 1, a: 2 }], a: null } };
    assert.match(prettyManifest(unsorted), /"a": null,\s+"b": \[\s+\{\s+"a": 2,\s+"z": 1/u);
  });

  it('tolerates unknown keys and old backups without crypt-mode, signature and unprotected', () => {
    const old = json();
    delete old['signature'];
    delete old['unprotected'];
    old['files'] = [{ filename: 'a.img.fidx', size: 1, csum: indexCsum, future: true }];
    const parsed = parseManifest(blobOf({ ...old, future: { key: 1 } }));
    assert.deepEqual(parsed.files, [{ filename: 'a.img.fidx', size: 1, csum: indexCsum, cryptMode: 'none' }]);
    assert.deepEqual(parsed.unprotected, {});
  });

  const file = { filename: 'a.img.fidx', size: 1, csum: indexCsum };
  const wrong: readonly (readonly [string, unknown])[] = [
    ['is a list', []],
    ['is null', 'null'],
    ['has no files', { ...json(), files: undefined }],
    ['has a file that is text', { ...json(), files: ['a.img.fidx'] }],
    ['names a path', { ...json(), files: [{ ...file, filename: '../a.img.fidx' }] }],
    ['has an empty checksum', { ...json(), files: [{ ...file, csum: '' }] }],
    ['has a negative size', { ...json(), files: [{ ...file, size: -1 }] }],
    ['has a size in text', { ...json(), files: [{ ...file, size: '1' }] }],
    ['has an unknown crypt-mode', { ...json(), files: [{ ...file, 'crypt-mode': 'rot13' }] }],
    ['has an unknown type', { ...json(), 'backup-type': 'toString' }],
    ['has an id that is a path', { ...json(), 'backup-id': '../100' }],
    ['is from before 1970', { ...json(), 'backup-time': 0 }],
    ['is from after the year 9999', { ...json(), 'backup-time': 253_402_300_800 }],
    ['has a short signature', { ...json(), signature: 'abc' }],
    ['is nested without end', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ];
  for (const [what, value] of wrong) {
    it(`is refused when it ${what}`, () => {
      assert.throws(() => parseManifest(blobOf(value)), withCode('manifest-field'));
    });
  }

  it('is refused when it is no JSON or no UTF-8', () => {
    assert.throws(() => parseManifest(blobOf('{"files":')), withCode('manifest-json'));
    assert.throws(() => parseManifest(encodeBlob(Buffer.from('7b22ff223a317d', 'hex'))), withCode('manifest-json'));
    assert.throws(() => parseManifest(Buffer.alloc(44)), withCode('blob-magic'));
  });

  it('is refused when it is encrypted', () => {
    const encrypted = Buffer.concat([Buffer.from('7b6785be222d4cf0', 'hex'), Buffer.alloc(40)]);
    assert.throws(() => parseManifest(encrypted), withCode('manifest-encrypted'));
  });

  it('says what there is when a file is not', () => {
    assert.equal(manifestFile(manifest, 'drive-scsi0.img.fidx').size, 10_485_760);
    assert.throws(
      () => manifestFile(manifest, 'drive-scsi1.img.fidx'),
      (error: unknown) =>
        withCode('archive-not-found')(error) && /drive-scsi0\.img\.fidx/u.test((error as KnownError).hint ?? ''),
    );
  });

  it('proves an index by size and checksum', () => {
    const verify = (size: number, csum: string) => () =>
      verifyIndexAgainstManifest({ size, csum }, manifest, 'drive-scsi0.img.fidx');
    assert.doesNotThrow(verify(10_485_760, indexCsum));
    assert.throws(verify(10_485_761, indexCsum), withCode('manifest-size'));
    assert.throws(verify(10_485_760, 'b'.repeat(64)), (error: unknown) => {
      return withCode('manifest-csum')(error) && (error as Error).message.includes('drive-scsi0.img.fidx');
    });
  });

  it('is read or refused, whatever JSON it holds', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(json()), 'size', 'csum', 'filename'), (value, key) => {
        const files = [{ ...file, [key]: value }];
        for (const candidate of [value, { ...json(), [key]: value }, { ...json(), files }]) {
          try {
            parseManifest(blobOf(candidate));
          } catch (error) {
            assert.ok(error instanceof KnownError);
          }
        }
      }),
    );
  });
});
