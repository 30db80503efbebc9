import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';

import { PASSWORD, startStubServer, USER, type Answer, type StubServer } from '../pbs/client/stub-server.ts';
import { Workbench } from './workbench.ts';

const snapshot = 'vm/100/2026-02-16T16:30:44Z';
const restore = ['restore', snapshot, 'drive-scsi0.img', 'target'] as const;
const inspect = ['inspect', snapshot] as const;

async function benchFor({ port, fingerprint }: StubServer): Promise<Workbench> {
  const bench = await Workbench.open();
  Object.assign(bench.env, {
    PBS_REPOSITORY: `${USER}@127.0.0.1:${port}:tank`,
    PBS_FINGERPRINT: fingerprint,
    PBS_PASSWORD: PASSWORD,
  });
  return bench;
}

const version = (text: string): Answer => ({
  status: 200,
  body: JSON.stringify({ data: { version: text, release: '1' } }),
});

/** A server that logs everybody in, is of this version, and answers everything else like this. */
const answers =
  (serverVersion: string, other: Answer) =>
  (head: string): Answer | undefined => {
    if (head.startsWith('POST //api2/json/access/ticket')) return undefined;
    return head.startsWith('GET /api2/json/version') ? version(serverVersion) : other;
  };

test('a PBS below 3 is refused by every command before it asks for anything else', async () => {
  await using server = await startStubServer({ answer: answers('2.4', { status: 500, body: 'asked' }) });
  await using bench = await benchFor(server);
  for (const args of [
    ['snapshots'],
    inspect,
    restore,
    ['capture', snapshot, '--out', 'c.yaml'],
    ['seed', '--forget'],
  ]) {
    const { exitCode, stdout, stderr } = await bench.command(args);
    assert.deepEqual([exitCode, stdout], [4, ''], stderr);
    assert.match(stderr, /runs Proxmox Backup Server 2\.4\.1, which is too old\nhint: .*3 or newer/u);
  }
  assert.deepEqual(
    (await readdir(bench.folder)).filter((name) => name.startsWith('target')),
    [],
  );
});

test('what a server refuses is told in words of an administrator, with the exit code, and nothing is left', async () => {
  for (const [status, body, exitCode, words] of [
    [400, "datastore 'tank' is unavailable: offline maintenance mode: new disks", 4, /maintenance mode: new disks/u],
    [400, 'unable to acquire snapshot lock "/run/x"', 4, /has it locked/u],
    [400, "while reading snapshot 'BackupDir { store: DataStore }'", 4, /has it locked/u],
    [400, `snapshot ${snapshot} does not exist.`, 2, /there is no snapshot vm\/100/u],
    [400, "no such datastore 'tank'", 2, /no datastore tank/u],
    [403, 'permission check failed - missing Datastore.Read', 4, /denies bench@pbs reading .*Datastore\.Read/u],
    [400, 'permission check failed.', 4, /denies bench@pbs reading/u],
    [
      400,
      'backup owner check failed (bench@pbs != root@pam)',
      4,
      /denies bench@pbs reading [^]*another user or token/u,
    ],
    [404, "Path '/api2/json/reader' not found.", 4, /does not know reading/u],
    [500, 'boom', 4, /refuses reading .*status 500\): boom/u],
  ] as const) {
    await using server = await startStubServer({ answer: answers('4.2', { status, body }) });
    await using bench = await benchFor(server);
    for (const args of [restore, inspect]) {
      const refused = await bench.command(args);
      assert.deepEqual([refused.exitCode, refused.stdout], [exitCode, ''], refused.stderr);
      assert.match(refused.stderr, words);
      assert.match(refused.stderr, /\nhint: .+\n$/u);
    }
    assert.deepEqual(
      (await readdir(bench.folder)).filter((name) => name.startsWith('target')),
      [],
    );
  }
});

test('what keeps seeded snapshots from being removed is said, with the role or the step that it takes', async () => {
  const seeded = {
    'backup-type': 'vm',
    'backup-id': 'restorelab-seed',
    'backup-time': 1_795_641_404,
    files: [{ filename: 'index.json.blob', 'crypt-mode': 'none', size: 400 }],
    comment: 'Synthetic image of restorelab seed, backup 1 of history 90844b1d75e83949',
    protected: false,
  };
  const listing = answers('4.2', { status: 200, body: JSON.stringify({ data: [seeded] }) });
  for (const [status, body, words] of [
    [403, 'permission check failed', /denies bench@pbs removing vm\/restorelab-seed\/.*\nhint: .*DatastorePowerUser/u],
    [
      400,
      'cannot remove protected snapshot',
      /refuses removing vm\/restorelab-seed\/.*\nhint: take its protection away/u,
    ],
  ] as const) {
    const answer = (head: string): Answer | undefined =>
      head.startsWith('DELETE ') ? { status, body } : listing(head);
    await using server = await startStubServer({ answer });
    await using bench = await benchFor(server);
    const { exitCode, stderr } = await bench.command(['seed', '--forget', '--yes']);
    assert.equal(exitCode, 4, stderr);
    assert.match(stderr, words);
  }
});
