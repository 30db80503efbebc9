import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { KnownError } from '../../../src/model/errors.ts';
import { loadKey } from '../../../src/pbs/client/load-key.ts';
import { goldenFolder, temporaryFolder } from '../datastore/golden.ts';

const withCode = (code: string, name: string) => (error: unknown) =>
  error instanceof KnownError && error.code === code && error.exitCode === 2 && error.message.includes(name);

test('an encryption key is loaded from its file, and its passphrase asked for where it has one', async () => {
  const golden = await loadKey(join(goldenFolder, 'key-golden.json'));
  assert.equal(golden.shortId, '81:f7:a2:af:32:4b:0b:10');
  const passphrase = async (): Promise<string> => 'anchor-key-pw';
  const anchor = await loadKey(join(goldenFolder, 'key-pbkdf2.json'), { passphrase });
  assert.equal(anchor.shortId, '6e:79:17:54:5c:26:64:25');
});

test('a key file that cannot be used is named', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'key');
  await assert.rejects(loadKey(path), withCode('key-file-not-found', path));
  await assert.rejects(loadKey(folder.path), withCode('key-file-not-found', folder.path));
  await writeFile(path, '{"kdf":null');
  await assert.rejects(loadKey(path), withCode('key-file', path));
  await writeFile(path, ' '.repeat(64 * 1024 + 1));
  await assert.rejects(loadKey(path), withCode('key-file', path));
  await assert.rejects(
    loadKey(join(goldenFolder, 'key-scrypt.json')),
    withCode('key-passphrase-missing', 'key-scrypt.json'),
  );
});
