import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import {
  namesRemote,
  readRemote,
  remoteOptions,
  remoteShape,
  type RemoteArguments,
} from '../../src/cli/remote-options.ts';
import { datastoreOf, serverOf, type Remote } from '../../src/pbs/client/remote.ts';
import { temporaryFolder } from '../pbs/datastore/golden.ts';

const fingerprint = 'ab:'.repeat(31) + 'cd';
const { signal: interrupted } = new AbortController();

const read = async (argv: RemoteArguments, env: Readonly<Record<string, string>>, cwd = '/'): Promise<Remote> =>
  await readRemote(argv, { env, cwd, interrupted });

test('everything can come from the environment', async () => {
  const env = {
    PBS_REPOSITORY: 'bench@pbs@pbs1:tank',
    PBS_NAMESPACE: 'a/b',
    PBS_FINGERPRINT: fingerprint.toUpperCase(),
    PBS_PASSWORD_CMD: 'echo planted',
  };
  const remote = await read({}, env);
  assert.equal(remote.secret.reveal(), 'planted');
  assert.deepEqual(
    { ...remote, secret: undefined },
    {
      repository: { authId: 'bench@pbs', host: 'pbs1', port: 8007, store: 'tank' },
      namespace: 'a/b',
      fingerprint,
      secret: undefined,
    },
  );
  assert.deepEqual(datastoreOf(remote), { store: 'tank', namespace: 'a/b' });
  const { credentials, ...server } = serverOf(remote);
  assert.deepEqual(server, { host: 'pbs1', port: 8007, fingerprint });
  assert.equal(credentials.authId, 'bench@pbs');
  assert.ok(!JSON.stringify([remote, serverOf(remote)]).includes('planted'));
  assert.ok(namesRemote({}, { env }));
  assert.ok(!namesRemote({}, { env: {} }));
});

test('arguments win over the environment', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'password'), 'from a file\n');
  const env = { PBS_REPOSITORY: 'other', PBS_NAMESPACE: 'c', PBS_FINGERPRINT: 'x', PBS_PASSWORD: 'y' };
  const argv = { repository: 'bench@pbs!t1@[fd00::1]:tank', ns: '', fingerprint, 'password-file': 'password' };
  const remote = await read(argv, env, folder.path);
  assert.deepEqual(remote.repository, { authId: 'bench@pbs!t1', host: 'fd00::1', port: 8007, store: 'tank' });
  assert.deepEqual([remote.namespace, remote.fingerprint, remote.secret.reveal()], ['', fingerprint, 'from a file']);
});

test('what is missing or wrong is named', async () => {
  const env = { PBS_REPOSITORY: 'tank', PBS_PASSWORD: 'planted' };
  for (const [argv, variables, code] of [
    [{}, {}, 'repository-missing'],
    [{ repository: 'planted:planted:x' }, env, 'repository'],
    [{ ns: '../x' }, env, 'namespace'],
    [{ fingerprint: 'planted' }, env, 'fingerprint'],
    [{}, { PBS_REPOSITORY: 'tank' }, 'password-missing'],
    [{ 'password-file': '/absent' }, env, 'secret-unreadable'],
  ] as const) {
    await assert.rejects(read(argv, variables), (error: { message: string; code: string; exitCode: number }) => {
      assert.deepEqual([error.code, error.exitCode], [code, 2]);
      assert.doesNotMatch(error.message, /planted/u);
      return true;
    });
  }
});

test('no option takes a secret itself: arguments are seen by every user of the machine', () => {
  assert.deepEqual(Object.keys(remoteOptions), ['repository', 'ns', 'fingerprint', 'password-file']);
  assert.deepEqual(Object.keys(remoteShape), Object.keys(remoteOptions));
});
