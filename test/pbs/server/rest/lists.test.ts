import assert from 'node:assert/strict';
import { cpSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { temporaryFolder } from '../../datastore/golden.ts';
import { RestLab } from './rest-lab.ts';

let lab: RestLab;
before(async () => {
  lab = await RestLab.start(
    {
      auditor: [{ path: '/datastore/tank', role: 'DatastoreAudit' }],
      nobody: [],
      tenant: [{ path: '/datastore/tank/tenants/a', role: 'DatastorePowerUser' }],
      bench: [{ path: '/datastore/tank', role: 'DatastoreBackup' }],
    },
    ['vm', 'host'],
  );
  mkdirSync(join(lab.path, 'ns/tenants/ns/a/vm'), { recursive: true });
  cpSync(join(lab.path, 'vm/100'), join(lab.path, 'ns/tenants/ns/a/vm/100'), { recursive: true });
  writeFileSync(join(lab.path, 'ns/tenants/ns/a/vm/100/owner'), 'tenant@pbs!t\n');
  writeFileSync(join(lab.path, 'vm/100/notes'), 'the golden machine\nwith four backups\n');
});
after(() => lab[Symbol.asyncDispose]());

const names = (items: unknown): string[] =>
  (items as { 'backup-type': string; 'backup-id': string; 'backup-time'?: number }[])
    .map((item) => `${item['backup-type']}/${item['backup-id']}/${item['backup-time'] ?? ''}`)
    .sort();

describe('datastores', () => {
  it('are those of which the caller may see something', async () => {
    const all = [{ 'backend-type': 'filesystem', comment: null, 'mount-status': 'nonremovable', store: 'tank' }];
    for (const as of ['admin', 'auditor', 'tenant', 'bench'])
      assert.deepEqual(await lab.data('admin/datastore', { as }), all, as);
    assert.deepEqual(await lab.data('admin/datastore', { as: 'nobody' }), []);
  });

  it('say how much room there is, to whoever may know', async () => {
    const status = (await lab.data('admin/datastore/tank/status')) as Record<string, number>;
    assert.deepEqual(Object.keys(status), ['avail', 'backend-type', 'total', 'used']);
    assert.ok((status['total'] ?? 0) > (status['used'] ?? 0) && (status['avail'] ?? 0) > 0);
    const [usage] = (await lab.data('status/datastore-usage')) as [Record<string, unknown>];
    assert.deepEqual([usage['store'], usage['total']], ['tank', status['total']]);
    assert.equal((await lab.ask('admin/datastore/tank/status', { as: 'nobody' })).status, 403);
  });
});

describe('groups', () => {
  it('come with their newest backup, owner and first line of notes', async () => {
    const groups = (await lab.data('admin/datastore/tank/groups?')) as Record<string, unknown>[];
    const group = groups.find((item) => item['backup-id'] === '100');
    assert.deepEqual(group, {
      'backup-count': 4,
      'backup-id': '100',
      'backup-type': 'vm',
      comment: 'the golden machine',
      files: ['drive-scsi0.img.fidx', 'index.json.blob', 'qemu-server.conf.blob'],
      'last-backup': 1_771_259_444,
      owner: 'bench@pbs',
    });
    assert.deepEqual(names(groups), [
      'host/anchor-enc/',
      'host/anchor-md/',
      'host/anchor/',
      'vm/100/',
      'vm/200/',
      'vm/300/',
      'vm/400/',
    ]);
  });

  it('are folders: a file in the place of one is none, and does no harm to the list', async () => {
    const stray = join(lab.path, 'vm/stray');
    writeFileSync(stray, '');
    try {
      for (const list of ['groups', 'snapshots'])
        assert.ok(((await lab.data(`admin/datastore/tank/${list}`)) as unknown[]).length >= 7);
    } finally {
      rmSync(stray);
    }
  });

  it('are all shown to an auditor, and only their own to others', async () => {
    assert.equal(((await lab.data('admin/datastore/tank/groups', { as: 'auditor' })) as unknown[]).length, 7);
    // The token of bench is not the user bench, to whom they belong.
    assert.deepEqual(await lab.data('admin/datastore/tank/groups', { as: 'bench' }), []);
    assert.deepEqual(names(await lab.data('admin/datastore/tank/groups?ns=tenants/a', { as: 'tenant' })), ['vm/100/']);
    assert.equal((await lab.ask('admin/datastore/tank/groups', { as: 'tenant' })).status, 403);
  });
});

describe('snapshots', () => {
  it('can be asked for by type and id', async () => {
    const list = async (query: string): Promise<string[]> =>
      names(await lab.data(`admin/datastore/tank/snapshots?${query}`));
    assert.equal((await list('')).length, 13);
    assert.deepEqual(
      await list('backup-id=100&backup-type=vm'),
      [1_771_000_061, 1_771_086_522, 1_771_172_983, 1_771_259_444].map((time) => `vm/100/${time}`),
    );
    assert.equal((await list('backup-id=100')).length, 4);
    assert.deepEqual(await list('backup-id=100&backup-type=host'), []);
    assert.equal((await list('backup-type=host')).length, 4);
    assert.equal((await list('ns=tenants/a')).length, 4);
  });

  it('that are unfinished or damaged are listed with the names of their files alone', async () => {
    const folder = join(lab.path, 'vm/300/2026-02-13T18:26:40Z');
    const manifest = join(folder, 'index.json.blob');
    renameSync(manifest, join(folder, 'kept'));
    const one = async (): Promise<unknown> => await lab.data('admin/datastore/tank/snapshots?backup-id=300');
    const file = (filename: string): object => ({ filename });
    const item = {
      'backup-type': 'vm',
      'backup-id': '300',
      'backup-time': 1_771_007_200,
      files: ['drive-scsi0.img.fidx', 'qemu-server.conf.blob'].map(file),
      owner: 'bench@pbs',
      protected: false,
    };
    assert.deepEqual(await one(), [item]);
    writeFileSync(manifest, 'nonsense');
    writeFileSync(join(folder, '.protected'), '');
    const files = ['drive-scsi0.img.fidx', 'index.json.blob', 'qemu-server.conf.blob'].map(file);
    assert.deepEqual(await one(), [{ ...item, files, protected: true }]);
    renameSync(join(folder, 'kept'), manifest);
    rmSync(join(folder, '.protected'));
  });

  it('that a link leads out of the datastore for are not there', async () => {
    await using folder = await temporaryFolder();
    const outside = join(folder.path, 'snapshot');
    cpSync(join(lab.path, 'vm/100/2026-02-16T16:30:44Z'), outside, { recursive: true });
    symlinkSync(outside, join(lab.path, 'vm/400/2026-03-01T00:00:00Z'));
    symlinkSync(join(lab.path, 'vm'), join(lab.path, 'ns/linked'));
    try {
      assert.equal(((await lab.data('admin/datastore/tank/snapshots?backup-id=400')) as unknown[]).length, 1);
      const files = await lab.ask('admin/datastore/tank/files?backup-id=400&backup-time=1772323200&backup-type=vm');
      assert.deepEqual([files.status, files.body], [400, 'snapshot vm/400/2026-03-01T00:00:00Z does not exist.']);
      assert.deepEqual(await lab.data('admin/datastore/tank/namespace'), [
        { ns: '' },
        { ns: 'tenants' },
        { ns: 'tenants/a' },
      ]);
    } finally {
      rmSync(join(lab.path, 'vm/400/2026-03-01T00:00:00Z'));
      rmSync(join(lab.path, 'ns/linked'));
    }
  });
});

describe('namespaces', () => {
  it('are listed down to a depth, as far as the caller may see them', async () => {
    const list = async (query: string, as = 'admin'): Promise<unknown> =>
      ((await lab.data(`admin/datastore/tank/namespace?${query}`, { as })) as { ns: string }[]).map(({ ns }) => ns);
    assert.deepEqual(await list(''), ['', 'tenants', 'tenants/a']);
    assert.deepEqual(await list('max-depth=1'), ['', 'tenants']);
    assert.deepEqual(await list('parent=tenants&max-depth=0'), ['tenants']);
    assert.deepEqual(await list('', 'tenant'), ['', 'tenants', 'tenants/a']);
    assert.equal((await lab.ask('admin/datastore/tank/namespace?parent=tenants/b', { as: 'tenant' })).status, 403);
  });

  it('can be made and removed', async () => {
    const body = JSON.stringify({ name: 'new', parent: 'tenants' });
    const create = { method: 'POST', body, contentType: 'application/json' };
    assert.equal(await lab.data('admin/datastore/tank/namespace', create), 'tenants/new');
    const again = await lab.ask('admin/datastore/tank/namespace', create);
    assert.deepEqual([again.status, again.body], [400, "namespace 'tenants/new' already exists"]);
    assert.equal((await lab.ask('admin/datastore/tank/namespace', { ...create, as: 'tenant' })).status, 403);
    assert.deepEqual(await lab.data('admin/datastore/tank/snapshots?ns=tenants/new'), []);
    const remove = async (ns: string): Promise<number> =>
      (await lab.ask(`admin/datastore/tank/namespace?ns=${ns}`, { method: 'DELETE' })).status;
    assert.deepEqual(
      [await remove('tenants/new'), await remove('tenants/new'), await remove('tenants/a')],
      [200, 404, 400],
    );
  });

  it('that are not there are 404, wherever they are named', async () => {
    for (const target of ['groups?ns=nope', 'snapshots?ns=nope', 'namespace?parent=nope'])
      assert.deepEqual(
        await lab.ask(`admin/datastore/tank/${target}`).then(({ status, body }) => [status, body]),
        [404, 'namespace not found'],
        target,
      );
  });
});

describe('files of a snapshot', () => {
  it('are those of the manifest, the manifest, and the others', async () => {
    const snapshot = 'backup-id=100&backup-time=1771259444&backup-type=vm';
    const log = join(lab.path, 'vm/100/2026-02-16T16:30:44Z/client.log.blob');
    writeFileSync(log, 'x');
    assert.deepEqual(await lab.data(`admin/datastore/tank/files?${snapshot}`), [
      { 'crypt-mode': 'none', filename: 'drive-scsi0.img.fidx', size: 50_331_648 },
      { 'crypt-mode': 'none', filename: 'qemu-server.conf.blob', size: 163 },
      { 'crypt-mode': 'none', filename: 'index.json.blob', size: 467 },
      { filename: 'client.log.blob' },
    ]);
    rmSync(log);
    const foreign = await lab.ask(`admin/datastore/tank/files?${snapshot}`, { as: 'bench' });
    assert.deepEqual([foreign.status, foreign.body], [400, 'backup owner check failed (bench@pbs!t != bench@pbs)']);
    assert.equal((await lab.ask(`admin/datastore/tank/files?${snapshot}`, { as: 'tenant' })).status, 403);
  });
});

describe('the server itself', () => {
  it('says its version and identity', async () => {
    assert.deepEqual(await lab.data('version', { as: 'nobody' }), {
      release: '3',
      repoid: 'restorelab',
      version: '4.2',
    });
    const identity = (await lab.data('nodes/localhost/identity')) as Record<string, string>;
    assert.match(identity['pbs-instance-id'] ?? '', /^[0-9a-f]{32}$/u);
  });

  it('names what is wrong with a store or a parameter', async () => {
    const texts: readonly (readonly [target: string, status: number, text: string])[] = [
      ['admin/datastore/nostore/snapshots?', 400, "no such datastore 'nostore'"],
      [
        'admin/datastore/x/snapshots',
        400,
        "parameter verification failed - 'store': value must be at least 3 characters long",
      ],
      ['admin/datastore/tank/nope', 404, "Path '/api2/json/admin/datastore/tank/nope' not found."],
      ['admin/datastore/tank/files', 400, ''],
      [
        'admin/datastore/tank/groups?x=1',
        400,
        "parameter verification failed - 'x': schema does not allow additional properties.",
      ],
      ['admin/datastore/tank/groups?store=tank', 400, "parameter verification failed - 'store': duplicate parameter."],
    ];
    for (const [target, status, text] of texts) {
      const answer = await lab.ask(target);
      assert.equal(answer.status, status, target);
      if (text !== '') assert.equal(answer.body, text);
    }
  });
});
