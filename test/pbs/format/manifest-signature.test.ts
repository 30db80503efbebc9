import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { scryptSync } from 'node:crypto';
import { describe, it } from 'node:test';

import * as fc from 'fast-check';

import { IntegrityError, KnownError, UsageError } from '../../../src/model/errors.ts';
import { CryptConfig } from '../../../src/pbs/format/crypt-config.ts';
import { openKeyFile, parseKeyFile } from '../../../src/pbs/format/key-file.ts';
import { signatureWarning, signManifest, verifyManifestSignature } from '../../../src/pbs/format/manifest-signature.ts';
import { parseManifest, type Manifest } from '../../../src/pbs/format/manifest.ts';
import { expected, goldenFolder, goldenStore } from '../datastore/golden.ts';
import { otherCrypt, specCrypt } from './keys.ts';

const withCode = (code: string) => (error: unknown) => error instanceof KnownError && error.code === code;

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
    {
      filename: 'drive-scsi0.img.fidx',
      cryptMode: 'none',
      size: 10_485_760,
      csum: '648f9b6cd26a6d5569eb7b18eb34d6557c69f9e41e65b4911db1152c8b8451e7',
    },
  ],
  unprotected: { notes: 'mine' },
};

describe('the signature of a manifest', () => {
  it('is that of spec 13.7, beside the fingerprint of its key', () => {
    const signed = signManifest(manifest, specCrypt);
    assert.equal(signed.signature, '98e7d66cfdad3bf5c4abbd5b191572295b747e13d70e1670cdb6be10c19ac076');
    assert.deepEqual(signed.unprotected, { notes: 'mine', 'key-fingerprint': specCrypt.fingerprint });
    assert.deepEqual(signed.files, manifest.files);
    assert.equal(verifyManifestSignature(signed, specCrypt), 'valid');
  });

  it('is that of the test of PBS itself (spec 13.9)', () => {
    const key = scryptSync('test', '', 32, { N: 65_536, r: 8, p: 1, maxmem: 2 ** 28 });
    const elsa: Manifest = {
      snapshot: { type: 'host', id: 'elsa', time: Date.parse('2020-06-26T13:56:05Z') / 1000 },
      files: [
        { filename: 'test1.img.fidx', cryptMode: 'encrypt', size: 200, csum: '01'.repeat(32) },
        { filename: 'abc.blob', cryptMode: 'none', size: 200, csum: '02'.repeat(32) },
      ],
      unprotected: {},
    };
    assert.equal(
      signManifest(elsa, new CryptConfig(key)).signature,
      'd7b446fb7db081662081d4b40fedd858a1d6307a5aff4ecff7d5bf4fd35679e9',
    );
  });

  it('of every golden manifest is valid under its key, and made again the same', async () => {
    let signed = 0;
    for (const [name, { keyfile }] of Object.entries(expected.snapshots)) {
      const golden = parseManifest(readFileSync(join(goldenStore, name, 'index.json.blob')));
      if (keyfile === undefined) {
        assert.equal(verifyManifestSignature(golden, undefined), 'unsigned');
        continue;
      }
      signed += 1;
      const file = parseKeyFile(readFileSync(join(goldenFolder, keyfile), 'utf8'), keyfile);
      const crypt = await openKeyFile(file, { name: keyfile, passphrase: () => 'anchor-key-pw' });
      assert.equal(verifyManifestSignature(golden, crypt), 'valid');
      assert.equal(verifyManifestSignature(golden, undefined), 'unchecked');
      const { signature, ...unsigned } = golden;
      assert.deepEqual(signManifest(unsigned, crypt), { ...unsigned, signature });
      assert.throws(() => verifyManifestSignature(golden, otherCrypt), withCode('wrong-key'));
    }
    assert.equal(signed, 5);
  });

  it('tells the wrong key from a changed manifest', () => {
    const signed = signManifest(manifest, specCrypt);
    assert.throws(
      () => verifyManifestSignature(signed, otherCrypt),
      (error: unknown) =>
        error instanceof UsageError &&
        error.code === 'wrong-key' &&
        error.message.includes(specCrypt.fingerprint) &&
        error.message.includes(otherCrypt.fingerprint),
    );
    const changed: Manifest = { ...signed, files: signed.files.toReversed() };
    assert.throws(
      () => verifyManifestSignature(changed, specCrypt),
      (error: unknown) => error instanceof IntegrityError && error.code === 'manifest-signature',
    );
    const anonymous: Manifest = { ...signed, unprotected: {} };
    assert.throws(() => verifyManifestSignature(anonymous, otherCrypt), withCode('manifest-signature'));
  });

  it('does not cover what a server adds later', () => {
    const signed = signManifest(manifest, specCrypt);
    const noted = { ...signed, unprotected: { ...signed.unprotected, notes: 'other', verify_state: { state: 'ok' } } };
    assert.equal(verifyManifestSignature(noted, specCrypt), 'valid');
  });

  it('is missed with a warning where there is a key, and without one when it cannot be checked', () => {
    assert.equal(verifyManifestSignature(manifest, specCrypt), 'unsigned');
    assert.match(signatureWarning('unsigned', specCrypt) ?? '', /not signed/u);
    assert.match(signatureWarning('unchecked', undefined) ?? '', /was not verified/u);
    assert.equal(signatureWarning('unsigned', undefined), undefined);
    assert.equal(signatureWarning('valid', specCrypt), undefined);
  });

  it('fails with every change of what it covers', () => {
    const signed = signManifest(manifest, specCrypt);
    fc.assert(
      fc.property(fc.nat({ max: 1 }), fc.constantFrom('size', 'csum', 'filename', 'cryptMode'), (at, field) => {
        const other = { size: 7, csum: '0'.repeat(64), filename: 'x.blob', cryptMode: 'encrypt' } as const;
        const files = signed.files.map((one, index) => (index === at ? { ...one, [field]: other[field] } : one));
        assert.throws(() => verifyManifestSignature({ ...signed, files }, specCrypt), withCode('manifest-signature'));
      }),
    );
  });
});
