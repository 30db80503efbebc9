import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { open, readFile, writeFile } from 'node:fs/promises';
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

test('a key is read from a pipe to its end, in however many pieces it comes', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'pipe');
  execFileSync('mkfifo', [path]);
  const text = await readFile(join(goldenFolder, 'key-golden.json'), 'utf8');
  const writing = (async () => {
    await using pipe = await open(path, 'w');
    await pipe.write(text.slice(0, 50));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await pipe.write(text.slice(50));
  })();
  assert.equal((await loadKey(path)).shortId, '81:f7:a2:af:32:4b:0b:10');
  await writing;
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
