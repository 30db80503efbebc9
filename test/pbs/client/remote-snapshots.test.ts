import assert from 'node:assert/strict';
import { test } from 'node:test';

import { monotonicClock } from '../../../src/clock/monotonic.ts';
import { Secret } from '../../../src/model/secret.ts';
import { encryptionOf, listRemoteSnapshots, type RemoteSnapshot } from '../../../src/pbs/client/remote-snapshots.ts';
import { RestClient } from '../../../src/pbs/client/rest-client.ts';
import { expected } from '../datastore/golden.ts';
import { GoldenServer, secret, userId } from '../server/golden-server.ts';
import { readWireLog } from '../server/wire-log.ts';
import { PASSWORD, startStubServer, USER } from './stub-server.ts';

const { signal } = new AbortController();
const clock = monotonicClock();
const root = { store: 'golden', namespace: '' };

/** What a server that sends this list is taken to have. */
async function listOf(items: unknown): Promise<readonly RemoteSnapshot[]> {
  await using server = await startStubServer({
    answer: (head) => (head.startsWith('POST') ? undefined : { status: 200, body: JSON.stringify({ data: items }) }),
  });
  const credentials = { authId: USER, secret: new Secret(PASSWORD) };
  const { port, fingerprint } = server;
  await using rest = new RestClient({ host: '127.0.0.1', port, fingerprint, credentials, clock, signal });
  return await listRemoteSnapshots(rest, root, signal);
}

/** The list of the real server as far as the log has it. */
function recordedList(): readonly unknown[] {
  const [connection] = readWireLog(new URL('../../fixtures/golden/wire/login-and-list.log', import.meta.url));
  const body = connection?.exchanges[1]?.body ?? '';
  const whole = body.slice(0, body.lastIndexOf(',{"backup-type"'));
  return (JSON.parse(`${whole}]}`) as { data: unknown[] }).data;
}

test('the list of a real server', async () => {
  const snapshots = await listOf(recordedList());
  assert.equal(snapshots.length, 8);
  assert.deepEqual(
    snapshots.map(({ name }) => name),
    snapshots.map(({ name }) => name).toSorted((left, right) => (left < right ? -1 : 1)),
  );
  const signed = snapshots.find(({ name }) => name.startsWith('vm/300/'));
  assert.deepEqual(signed, {
    snapshot: { type: 'vm', id: '300', time: 1_771_007_200 },
    name: 'vm/300/2026-02-13T18:26:40Z',
    files: [
      { filename: 'drive-scsi0.img.fidx', cryptMode: 'sign-only', size: 12_582_912 },
      { filename: 'qemu-server.conf.blob', cryptMode: 'sign-only', size: 163 },
      { filename: 'index.json.blob', cryptMode: 'sign-only', size: 582 },
    ],
    isFinished: true,
    size: 12_583_657,
    owner: 'bench@pbs',
    isProtected: false,
    verified: 'ok',
    keyFingerprint: '81:f7:a2:af:32:4b:0b:10:c6:03:bc:9e:44:55:0f:d2:fb:33:c7:33:18:83:86:44:7f:88:16:d4:ca:63:ff:74',
  });
  assert.deepEqual(
    [...new Set(snapshots.map((one) => `${one.snapshot.id} ${encryptionOf(one)}`))],
    ['100 none', '200 encrypt', '300 sign-only', '400 none'],
  );
});

test('the embedded server lists the same of the same datastore', async () => {
  await using golden = await GoldenServer.start();
  const { port, fingerprint } = golden.server;
  const credentials = { authId: userId, secret: new Secret(secret) };
  await using rest = new RestClient({ host: '127.0.0.1', port, fingerprint, credentials, clock, signal });
  const all = await listRemoteSnapshots(rest, root, signal);
  assert.deepEqual(all.map(({ name }) => name).toSorted(), Object.keys(expected.snapshots).toSorted());
  const recorded = await listOf(recordedList());
  for (const one of recorded)
    assert.deepEqual(
      all.find(({ name }) => name === one.name),
      one,
    );
  const group = { type: 'vm', id: '200' } as const;
  const one = await listRemoteSnapshots(rest, { ...root, group }, signal);
  assert.deepEqual(
    one.map(({ snapshot }) => snapshot.id),
    ['200', '200', '200'],
  );
  await assert.rejects(listRemoteSnapshots(rest, { ...root, namespace: 'none' }, signal), {
    code: 'namespace-not-found',
    exitCode: 2,
  });
  await assert.rejects(listRemoteSnapshots(rest, { ...root, store: 'nothing' }, signal), {
    code: 'datastore-not-found',
    exitCode: 2,
  });
});

test('an unfinished snapshot, a partly encrypted one, and what is no list', async () => {
  const item = { 'backup-type': 'ct', 'backup-id': '7', 'backup-time': 1_771_000_061, protected: true };
  const [unfinished] = await listOf([{ ...item, files: [{ filename: 'root.pxar.didx' }], size: null, comment: 'x' }]);
  assert.deepEqual(unfinished, {
    snapshot: { type: 'ct', id: '7', time: 1_771_000_061 },
    name: 'ct/7/2026-02-13T16:27:41Z',
    files: [{ filename: 'root.pxar.didx' }],
    isFinished: false,
    isProtected: true,
    comment: 'x',
  });
  assert.equal(encryptionOf(unfinished), undefined);
  const mixed = ['none', 'encrypt'].map((mode) => ({ filename: `${mode}.img.fidx`, 'crypt-mode': mode, size: 1 }));
  const [partly] = await listOf([{ ...item, files: mixed }]);
  assert.equal(encryptionOf(partly!), 'partly');
  for (const list of [
    null,
    {},
    ['x'],
    [{ ...item, files: 3 }],
    [{ ...item, files: [{}] }],
    [{ ...item, 'backup-id': '../x', files: [] }],
    [{ ...item, 'backup-time': -1, files: [] }],
  ])
    await assert.rejects(listOf(list), { code: 'response-malformed', exitCode: 4 }, JSON.stringify(list));
});
