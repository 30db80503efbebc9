import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import * as fc from 'fast-check';

import { KnownError, UsageError } from '../../../src/model/errors.ts';
import type { CryptConfig } from '../../../src/pbs/format/crypt-config.ts';
import { openKeyFile, parseKeyFile } from '../../../src/pbs/format/key-file.ts';
import { goldenFolder } from '../datastore/golden.ts';
import { protectedKey, specCrypt, specKey, type Derivation } from './keys.ts';

const withCode = (code: string) => (error: unknown) => error instanceof KnownError && error.code === code;

/** Spec 13.8, passphrase `secret`. */
const salt = 'QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=';
const scryptFile = {
  kdf: { Scrypt: { n: 65_536, r: 8, p: 1, salt } },
  data: 'gIGCg4SFhoeIiYqLjI2OjyWMZ+fMKyE1CFskfU78G786CTd0n9A5M3fTP0mcCYfsYSJ8KtTh7qwQLIJn6oxSew==',
};
const pbkdf2File = {
  kdf: { PBKDF2: { iter: 65_535, salt } },
  data: 'gIGCg4SFhoeIiYqLjI2Oj8vFBX4cg5C29HEMcYji/H8u7DdjQQzYny/wrxEY1k2GEP7LOsh9KoKJ6MddlgSHFg==',
};
const openFile = { kdf: null, data: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=' };

const open = async (file: unknown, passphrase?: string): Promise<CryptConfig> =>
  await openKeyFile(parseKeyFile(JSON.stringify(file), 'my.key'), { name: 'my.key', passphrase: () => passphrase });

describe('a key file', () => {
  it('gives the key of spec 13.8, whatever protects it', async () => {
    const dates = { created: '2025-08-12T12:00:00+02:00', modified: '2025-08-12T12:00:00+02:00' };
    for (const [file, passphrase] of [[openFile], [scryptFile, 'secret'], [pbkdf2File, 'secret']] as const) {
      const crypt = await open({ ...file, ...dates, fingerprint: specCrypt.fingerprint }, passphrase);
      assert.equal(crypt.fingerprint, specCrypt.fingerprint);
      assert.deepEqual(Buffer.from(crypt.copyKey()), specKey);
    }
  });

  it('opens as PBS wrote it: the golden ones', async () => {
    for (const [name, passphrase] of [
      ['key-golden.json', undefined],
      ['key-scrypt.json', 'anchor-key-pw'],
      ['key-pbkdf2.json', 'anchor-key-pw'],
    ] as const) {
      const text = readFileSync(join(goldenFolder, name), 'utf8');
      const crypt = await open(JSON.parse(text), passphrase);
      assert.equal(crypt.fingerprint, (JSON.parse(text) as { fingerprint: string }).fingerprint);
      if (passphrase !== undefined)
        await assert.rejects(open(JSON.parse(text), 'anchor-key-pW'), withCode('key-passphrase'));
    }
  });

  it('asks for a passphrase only where one is needed', async () => {
    await openKeyFile(parseKeyFile(JSON.stringify(openFile), 'a'), {
      name: 'a',
      passphrase: () => assert.fail('not needed'),
    });
    await assert.rejects(open({ ...pbkdf2File, hint: 'the cat' }), (error: unknown) => {
      assert.ok(error instanceof UsageError && error.exitCode === 2);
      assert.equal(error.code, 'key-passphrase-missing');
      assert.match(error.message, /my\.key/u);
      assert.match(error.hint ?? '', /PBS_ENCRYPTION_PASSWORD.*"the cat"/u);
      return true;
    });
  });

  it('of another key than it names was edited', async () => {
    await assert.rejects(open({ ...openFile, fingerprint: '00:'.repeat(31).concat('00') }), withCode('key-file'));
  });

  const wrong: readonly (readonly [string, unknown])[] = [
    ['is a list', []],
    ['has no data', { kdf: null }],
    ['has data that are no base64', { kdf: null, data: `${openFile.data.slice(0, -2)}*=` }],
    ['has a key too short', { kdf: null, data: 'AAEC' }],
    ['has a key without passphrase under a KDF', { ...scryptFile, data: openFile.data }],
    ['has a protected key without a KDF', { ...scryptFile, kdf: null }],
    ['has an unknown KDF', { ...scryptFile, kdf: { Argon2: {} } }],
    ['has two KDFs', { ...scryptFile, kdf: { ...scryptFile.kdf, ...pbkdf2File.kdf } }],
    ['has a KDF in another case', { ...scryptFile, kdf: { scrypt: scryptFile.kdf.Scrypt } }],
    ['would take all memory', { ...scryptFile, kdf: { Scrypt: { n: 2 ** 40, r: 8, p: 1, salt } } }],
    ['has an N that is no power of two', { ...scryptFile, kdf: { Scrypt: { n: 1000, r: 8, p: 1, salt } } }],
    ['would take forever', { ...pbkdf2File, kdf: { PBKDF2: { iter: 2 ** 40, salt } } }],
    ['has no iterations', { ...pbkdf2File, kdf: { PBKDF2: { iter: 0, salt } } }],
    ['has a fingerprint that is none', { ...openFile, fingerprint: 'ab' }],
  ];
  for (const [what, file] of wrong) {
    it(`is refused when it ${what}`, () => {
      assert.throws(() => parseKeyFile(JSON.stringify(file), 'my.key'), withCode('key-file'));
    });
  }

  it('is never quoted, not even where it is no JSON', () => {
    for (const text of [`{"data":"${openFile.data}"`, `"${openFile.data}"`, openFile.data]) {
      assert.throws(
        () => parseKeyFile(text, 'my.key'),
        (error: unknown) =>
          withCode('key-file')(error) && !`${(error as Error).message}${(error as Error).stack}`.includes('AAECAwQF'),
      );
    }
  });

  it('comes back as it was written, under any passphrase and parameters', async () => {
    const saltText = fc
      .uint8Array({ minLength: 0, maxLength: 40 })
      .map((bytes) => Buffer.from(bytes).toString('base64'));
    const kdfs: fc.Arbitrary<Derivation> = fc.oneof(
      fc
        .record({
          n: fc.constantFrom(2, 16, 256),
          r: fc.integer({ min: 1, max: 9 }),
          p: fc.integer({ min: 1, max: 3 }),
          salt: saltText,
        })
        .map((Scrypt) => ({ Scrypt })),
      fc.record({ iter: fc.integer({ min: 1, max: 50 }), salt: saltText }).map((PBKDF2) => ({ PBKDF2 })),
    );
    const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
    await fc.assert(
      fc.asyncProperty(
        bytes(32),
        bytes(16),
        kdfs,
        fc.string(),
        fc.string(),
        async (key, iv, kdf, passphrase, guess) => {
          const file = { kdf, data: protectedKey({ key, passphrase, kdf, iv }) };
          assert.deepEqual(Buffer.from((await open(file, passphrase)).copyKey()), Buffer.from(key));
          if (guess !== passphrase) await assert.rejects(open(file, guess), withCode('key-passphrase'));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('is read or refused, whatever text it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parseKeyFile(text, 'my.key');
        } catch (error) {
          assert.ok(withCode('key-file')(error));
        }
      }),
    );
  });
});
