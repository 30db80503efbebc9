import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import * as fc from 'fast-check';

import { encodeBlob } from '../../../../src/pbs/format/blob.ts';
import { BackupLab, CHUNK, chunkOf, chunkPath, eventually, queryOf, sha256 } from './backup-client.ts';

const TIME = 1_771_000_000;
const secret = { kind: 'plain', text: 'a-secret' } as const;

/** Descriptors of this process, in which the server runs. */
const descriptors = (): number => readdirSync('/proc/self/fd').length;

describe('who may back up', () => {
  it('is whoever has the privilege, in groups of their own', async () => {
    const right = { path: '/datastore/wire', propagate: true } as const;
    const tokens = ['t1', 't2', 'reader'].map((name) => ({ name, secret }));
    await using lab = await BackupLab.start({
      accounts: {
        users: [{ id: 'bench@pbs', tokens }],
        acl: [
          { ...right, authId: 'bench@pbs', role: 'DatastoreAdmin' },
          { ...right, authId: 'bench@pbs!t1', role: 'DatastoreBackup' },
          { ...right, authId: 'bench@pbs!t2', role: 'DatastoreBackup' },
          { ...right, authId: 'bench@pbs!reader', role: 'DatastoreReader' },
        ],
      },
    });
    await lab.backUp(TIME, [chunkOf('a')]);
    const told = async (authId: string, query = queryOf(TIME + 60)): Promise<string> => {
      const { status, body } = await lab.refusal(query, { authId });
      return `${status} ${body}`;
    };
    assert.equal(await told('bench@pbs!reader'), '403 permission check failed');
    assert.equal(await told('bench@pbs!t2'), '400 backup owner check failed (bench@pbs!t2 != bench@pbs!t1)');
    assert.equal(await told('bench@pbs!nobody'), '401 authentication failed');
    assert.ok(existsSync(join(lab.store, 'vm/100/owner')));
    mkdirSync(join(lab.store, 'vm/7/2026-01-01T00:00:00Z'), { recursive: true });
    assert.match(await told('bench@pbs!t1', queryOf(TIME, 'vm/7')), /^400 the group ".*" has no owner$/u);
  });

  it('is told where nothing can be backed up to, and nothing leads out of the datastore', async () => {
    await using lab = await BackupLab.start();
    const told = async (query: string): Promise<string> => {
      const { status, body } = await lab.refusal(query);
      return `${status} ${body}`;
    };
    assert.equal(await told(`${queryOf(TIME)}&ns=nowhere`), '404 namespace not found');
    for (const ns of ['..', '../..', 'a/../b', '/a', '.a'])
      assert.match(
        await told(`${queryOf(TIME)}&ns=${encodeURIComponent(ns)}`),
        /^400 parameter verification failed - 'ns'/u,
      );
    for (const id of ['..', '../x', 'a/b', '.x'])
      assert.match(
        await told(`backup-id=${encodeURIComponent(id)}&backup-time=${TIME}&backup-type=vm`),
        /^400 parameter verification failed - 'backup-id'/u,
      );
    mkdirSync(join(lab.folder, 'elsewhere'));
    symlinkSync(join(lab.folder, 'elsewhere'), join(lab.store, 'vm'));
    assert.match(await told(queryOf(TIME)), /^400 /u);
    assert.deepEqual(readdirSync(join(lab.folder, 'elsewhere')), []);
    mkdirSync(join(lab.store, 'ns/a/ns/b'), { recursive: true });
    assert.match(await told(queryOf(TIME, 'host/benchmark')), /^400 .*benchmark/u);
    assert.match(await told(`${queryOf(TIME, 'host/x')}&benchmark=true`), /^400 .*benchmark/u);
    assert.match(await told(`${queryOf(TIME, 'host/x')}&surprise=1`), /^400 .*'surprise': schema does not allow/u);
    const { answer, socket } = await lab.upgrade(`${queryOf(TIME, 'host/x')}&ns=a%2Fb&no-cache=true`);
    assert.equal(answer.status, 101);
    assert.ok(existsSync(join(lab.store, 'ns/a/ns/b/host/x/owner')));
    socket.destroy();
    await eventually(() => !existsSync(join(lab.store, 'ns/a/ns/b/host/x')));
  });
});

describe('a hostile backup client', () => {
  it('that opens many uploads and leaves them costs nothing when it has gone', async () => {
    await using lab = await BackupLab.start();
    const before = descriptors();
    for (let round = 0; round < 3; round += 1) {
      await using client = await lab.begin(TIME, `vm/${round}`);
      for (let wid = 1; wid <= 200; wid += 1)
        assert.equal(await client.expect('POST', '/dynamic_index?archive-name=a.pxar.didx'), wid);
      assert.ok(descriptors() < before + 50, 'archives that are open hold no descriptors');
      const digest = sha256(chunkOf('a'));
      for (let stream = 0; stream < 150; stream += 1) {
        const path = chunkPath('dynamic', 1, digest, CHUNK + 12, CHUNK);
        const upload = client.session.request({ ':method': 'POST', ':path': path });
        upload.on('error', () => {});
        upload.write(Buffer.alloc(20_000));
      }
      await client.expect('GET', '/previous_backup_time');
    }
    await eventually(() => !existsSync(join(lab.store, 'vm/2')) && descriptors() <= before + 2);
    await lab.backUp(TIME, [chunkOf('b')]);
    assert.deepEqual(readdirSync(join(lab.store, 'vm')), ['100']);
  });

  it('gets an answer to whatever it asks, and neither a crash nor a snapshot', async () => {
    await using lab = await BackupLab.start();
    const before = descriptors();
    const text = fc.string({ unit: 'grapheme-ascii', maxLength: 12 });
    const number = fc.oneof(fc.integer({ min: -1, max: 300 }), fc.constantFrom(4_194_304, 16_777_217, 2 ** 53));
    const value = fc.oneof(text, number.map(String), fc.constantFrom(sha256(chunkOf('a')), 'a.img.fidx', 'a.blob'));
    const name = fc.constantFrom('wid', 'size', 'digest', 'encoded-size', 'archive-name', 'file-name', 'csum', 'x');
    const request = fc.record({
      method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
      path: fc.constantFrom(
        'fixed_index',
        'dynamic_index',
        'fixed_chunk',
        'dynamic_chunk',
        'fixed_close',
        'dynamic_close',
        'blob',
        'previous',
        'previous_backup_time',
        'speedtest',
        '',
        '..',
        'nope/nope',
      ),
      query: fc.array(fc.tuple(name, value), { maxLength: 5 }),
      body: fc.option(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.json().map((json) => Buffer.from(json)),
          fc.uint8Array({ maxLength: 60 }).map((plain) => encodeBlob(plain)),
        ),
        { nil: undefined },
      ),
      type: fc.constantFrom('application/json', 'application/octet-stream', undefined),
    });
    {
      await using client = await lab.begin(TIME);
      await client.expect('POST', '/fixed_index?archive-name=a.img.fidx&size=10000000');
      await fc.assert(
        fc.asyncProperty(fc.array(request, { minLength: 10, maxLength: 10 }), async (requests) => {
          await Promise.all(
            requests.map(async ({ method, path, query, body, type }) => {
              const sent = method === 'GET' ? undefined : body;
              const asked = `/${path}?${new URLSearchParams(query).toString()}`;
              const { status } = await client.ask(method, asked, sent, type);
              assert.ok([200, 400, 404].includes(status), `${method} ${asked}: ${status}`);
            }),
          );
        }),
        { numRuns: 100 },
      );
      await client.expect('GET', '/previous_backup_time');
    }
    await lab.whenFree();
    assert.ok(!existsSync(join(lab.store, 'vm/100')));
    await eventually(() => descriptors() <= before + 2);
  });

  it('cannot make a backup of the group build on what a verify job has found damaged', async () => {
    await using lab = await BackupLab.start();
    await lab.backUp(TIME, [chunkOf('a')]);
    const name = readdirSync(join(lab.store, 'vm/100')).find((one) => one !== 'owner') ?? '';
    const manifest = {
      'backup-id': '100',
      'backup-time': TIME,
      'backup-type': 'vm',
      files: [],
      signature: null,
      unprotected: { verify_state: { state: 'failed', upid: 'UPID' } },
    };
    const file = join(lab.store, 'vm/100', name, 'index.json.blob');
    writeFileSync(file, encodeBlob(Buffer.from(JSON.stringify(manifest))));
    {
      await using client = await lab.begin(TIME + 60);
      assert.equal(await client.told('GET', '/previous_backup_time'), '200 null');
    }
    await lab.whenFree();
    writeFileSync(file, encodeBlob(Buffer.from('not a manifest')));
    const { status, body } = await lab.refusal(queryOf(TIME + 120));
    assert.match(`${status} ${body}`, /^400 .*the manifest is not JSON/u);
  });
});
