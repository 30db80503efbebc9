import assert from 'node:assert/strict';
import { test } from 'node:test';

import { InterruptedError } from '../../src/model/errors.ts';
import { startStubServer } from '../pbs/client/stub-server.ts';
import { GoldenServer, secret, userId } from '../pbs/server/golden-server.ts';
import { Workbench } from './workbench.ts';

test('the snapshots of a datastore on a server, as table and JSON', async () => {
  await using golden = await GoldenServer.start();
  await using bench = await Workbench.open();
  bench.env['PBS_REPOSITORY'] = `${userId}@127.0.0.1:${golden.server.port}:golden`;
  bench.env['PBS_FINGERPRINT'] = golden.server.fingerprint;
  bench.env['PBS_PASSWORD'] = secret;
  const all = await bench.command(['snapshots']);
  assert.deepEqual([all.exitCode, all.stderr], [0, '']);
  const lines = all.stdout.trimEnd().split('\n');
  assert.match(lines[0]!, /^snapshot +size +files +encryption +verified +protected +owner +comment$/u);
  assert.equal(lines.length, 1 + 13);
  assert.match(
    all.stdout,
    /^vm\/200\/2026-02-13T17:26:40Z +14\.\d+ MiB +drive-scsi0\.img qemu-server\.conf +encrypt +ok +- +bench@pbs$/mu,
  );
  const group = await bench.command(['snapshots', 'host/anchor', '--json']);
  const { repository, snapshots } = JSON.parse(group.stdout) as {
    repository: string;
    snapshots: { snapshot: string; files: { filename: string }[]; encryption: string; protected: boolean }[];
  };
  assert.equal(repository, bench.env['PBS_REPOSITORY']);
  assert.deepEqual(
    snapshots.map(({ snapshot, encryption, protected: isProtected }) => [snapshot, encryption, isProtected]),
    [['host/anchor/2026-02-13T19:26:40Z', 'none', false]],
  );
  for (const [args, exitCode, words] of [
    [['vm/999'], 2, /no group vm\/999 in datastore golden/u],
    [['vm'], 2, /not the name of a group/u],
    [['vm/100/2026-02-16T16:30:44Z'], 2, /not the name of a group/u],
    [['--ns', 'none'], 2, /no namespace none/u],
    [['--ns', '../..'], 2, /not the name of a namespace/u],
    [['--repository', `${userId}@127.0.0.1:${golden.server.port}:nothing`], 2, /no datastore nothing/u],
    [['--repository', `root@pam@127.0.0.1:${golden.server.port}:golden`], 4, /does not accept root@pam/u],
    [['--fingerprint', 'ab'.repeat(32)], 4, /expected fingerprint ab:.*seen/u],
    [['--repository', `${userId}@127.0.0.1:1:golden`], 4, /cannot connect to 127\.0\.0\.1:1/u],
  ] as const) {
    const refused = await bench.command(['snapshots', ...args]);
    assert.deepEqual([refused.exitCode, refused.stdout], [exitCode, ''], refused.stderr);
    assert.match(refused.stderr, words);
    assert.match(refused.stderr, /\nhint: .+\n$/u);
  }
  delete bench.env['PBS_FINGERPRINT'];
  const untrusted = await bench.command(['snapshots']);
  assert.equal(untrusted.exitCode, 4);
  assert.match(untrusted.stderr, /it is signed by itself/u);
  assert.ok(untrusted.stderr.includes(golden.server.fingerprint), untrusted.stderr);
});

test('a server that does not answer: the wait is shown, and Ctrl-C ends it', async () => {
  const silent = new AbortController();
  await using server = await startStubServer({ onConnection: () => {} });
  await using bench = await Workbench.open();
  Object.assign(bench.env, {
    PBS_REPOSITORY: `root@pam@127.0.0.1:${server.port}:tank`,
    PBS_FINGERPRINT: server.fingerprint,
    PBS_PASSWORD: 'password',
  });
  const { exitCode, stdout, stderr } = await bench.command(['snapshots'], {
    interrupted: silent.signal,
    onStderr: () => silent.abort(new InterruptedError('SIGINT')),
  });
  assert.deepEqual([exitCode, stdout], [130, '']);
  assert.match(stderr, /^waiting for 127\.0\.0\.1:\d+ to list its snapshots/u);
});
