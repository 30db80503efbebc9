import assert from 'node:assert/strict';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';

import { KnownError } from '../../../src/model/errors.ts';
import {
  namespaceFromEnvironment,
  repositoryFromEnvironment,
  secretSource,
  type Environment,
} from '../../../src/pbs/client/environment.ts';
import { readSecret } from '../../../src/pbs/client/read-secret.ts';
import { temporaryFolder } from '../datastore/golden.ts';

const { signal } = new AbortController();

test('a repository is in one variable or in four', () => {
  const pbs1 = { authId: 'bk@pbs!ci', host: 'pbs1', port: 8008, store: 'tank' };
  assert.deepEqual(repositoryFromEnvironment({ PBS_REPOSITORY: 'bk@pbs!ci@pbs1:8008:tank' }), pbs1);
  const four = { PBS_SERVER: 'pbs1', PBS_PORT: '8008', PBS_DATASTORE: 'tank', PBS_AUTH_ID: 'bk@pbs!ci' };
  assert.deepEqual(repositoryFromEnvironment(four), pbs1);
  assert.deepEqual(repositoryFromEnvironment({ PBS_DATASTORE: 'tank' }), {
    authId: 'root@pam',
    host: 'localhost',
    port: 8007,
    store: 'tank',
  });
  for (const address of ['fd00::1', '[fd00::1]'])
    assert.equal(repositoryFromEnvironment({ PBS_SERVER: address, PBS_DATASTORE: 'tank' })?.host, 'fd00::1');
  assert.equal(repositoryFromEnvironment({ ...four, PBS_REPOSITORY: 'other' })?.store, 'other', 'the whole one wins');
  assert.equal(repositoryFromEnvironment({}), undefined);
  assert.equal(repositoryFromEnvironment({ PBS_REPOSITORY: '', PBS_DATASTORE: '' }), undefined);
});

test('a repository that cannot be read names the variables, and no value', () => {
  for (const [env, names] of [
    [{ PBS_REPOSITORY: 'https://root:planted@pbs1' }, /PBS_REPOSITORY/u],
    [{ PBS_DATASTORE: 'tank', PBS_PORT: 'planted' }, /port.*PBS_PORT/u],
    [{ PBS_DATASTORE: 'tank', PBS_SERVER: 'root:planted@pbs1' }, /host.*PBS_SERVER/u],
    [{ PBS_DATASTORE: 'tank', PBS_AUTH_ID: 'planted' }, /user.*PBS_AUTH_ID/u],
    [{ PBS_SERVER: 'planted' }, /PBS_DATASTORE/u],
  ] as const) {
    assert.throws(
      () => repositoryFromEnvironment(env),
      (error) => {
        assert.ok(error instanceof KnownError);
        assert.match(error.message, names);
        assert.doesNotMatch(`${inspect(error)} ${error.hint}`, /planted/u);
        return true;
      },
    );
  }
});

test('the namespace', () => {
  assert.equal(namespaceFromEnvironment({ PBS_NAMESPACE: 'a/b' }), 'a/b');
  assert.equal(namespaceFromEnvironment({}), '');
});

const secretOf = async (env: Environment, cwd: string): Promise<string | undefined> => {
  const source = secretSource(env, 'PBS_PASSWORD');
  return source === undefined ? undefined : (await readSecret(source, { env, cwd, signal }))?.reveal();
};

test('secrets come from a variable, a descriptor, a file, a command or a credential: first lines', async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  await writeFile(join(cwd, 'secret'), 'first line \r\nsecond\n');
  await writeFile(join(cwd, 'proxmox-backup-client.password'), 'from systemd');
  assert.equal(await secretOf({ PBS_PASSWORD: 'as it is\n', PBS_PASSWORD_FILE: 'nothing' }, cwd), 'as it is\n');
  assert.equal(await secretOf({ PBS_PASSWORD_FILE: 'secret', PBS_PASSWORD_CMD: 'false' }, cwd), 'first line ');
  assert.equal(await secretOf({ PBS_PASSWORD_CMD: 'printf "%s\\nmore" "$FROM_HERE"', FROM_HERE: 'a b' }, cwd), 'a b');
  assert.equal(await secretOf({ CREDENTIALS_DIRECTORY: cwd }, cwd), 'from systemd');
  assert.equal(await secretOf({ CREDENTIALS_DIRECTORY: join(cwd, 'none') }, cwd), undefined);
  assert.equal(await secretOf({ PBS_PASSWORD: '' }, cwd), undefined);
  await using file = await open(join(cwd, 'secret'));
  assert.equal(await secretOf({ PBS_PASSWORD_FD: String(file.fd), PBS_PASSWORD_FILE: 'nothing' }, cwd), 'first line ');
  await file.stat();
});

test('the forms exist for each of the three secrets', () => {
  for (const name of ['PBS_PASSWORD', 'PBS_FINGERPRINT', 'PBS_ENCRYPTION_PASSWORD'] as const) {
    const kinds = [name, `${name}_FD`, `${name}_FILE`, `${name}_CMD`].map(
      (variable) => secretSource({ [variable]: '7' }, name)?.kind,
    );
    assert.deepEqual(kinds, ['text', 'descriptor', 'file', 'command']);
  }
});

test('a secret that cannot be read is told without the secret, and without the command', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'empty'), '\nplanted\n');
  for (const [env, code] of [
    [{ PBS_PASSWORD_FILE: 'absent' }, 'secret-unreadable'],
    [{ PBS_PASSWORD_FILE: '.' }, 'secret-unreadable'],
    [{ PBS_PASSWORD_FILE: 'empty' }, 'secret-empty'],
    [{ PBS_PASSWORD_FD: 'planted' }, 'secret-descriptor'],
    [{ PBS_PASSWORD_FD: '999999' }, 'secret-unreadable'],
    [{ PBS_PASSWORD_CMD: 'echo planted; exit 3' }, 'command-failed'],
    [{ PBS_PASSWORD_CMD: ': planted' }, 'secret-empty'],
  ] as const) {
    await assert.rejects(secretOf(env, folder.path), (error) => {
      assert.ok(error instanceof KnownError, inspect(error));
      assert.deepEqual([error.code, error.exitCode], [code, 2], error.message);
      assert.doesNotMatch(`${inspect(error)} ${error.hint}`, /planted/u);
      return true;
    });
  }
});

test('a command that waits is ended with the program', async () => {
  const controller = new AbortController();
  const source = secretSource({ PBS_PASSWORD_CMD: 'exec sleep 100' }, 'PBS_PASSWORD')!;
  const reading = readSecret(source, { env: {}, cwd: '/', signal: controller.signal });
  controller.abort(new Error('stop'));
  await assert.rejects(reading, /stop/u);
});
