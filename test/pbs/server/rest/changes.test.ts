import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { systemFiles, type FilePort } from '../../../../src/pbs/datastore/file-port.ts';
import { encodeBlob } from '../../../../src/pbs/format/blob.ts';
import { canonicalManifest, parseManifest } from '../../../../src/pbs/format/manifest.ts';
import { temporaryFolder } from '../../datastore/golden.ts';
import { exchange, getText, openTls } from '../raw-client.ts';
import { RestLab, tokenHeader } from './rest-lab.ts';

let lab: RestLab;
before(async () => {
  lab = await RestLab.start(
    {
      auditor: [{ path: '/datastore/tank', role: 'DatastoreAudit' }],
      tenant: [{ path: '/datastore/tank', role: 'DatastorePowerUser' }],
    },
    ['vm', 'host'],
  );
});
after(() => lab[Symbol.asyncDispose]());

const times = {
  '2026-02-13T16:27:41Z': 1_771_000_061,
  '2026-02-14T16:28:42Z': 1_771_086_522,
  '2026-02-15T16:29:43Z': 1_771_172_983,
  '2026-02-16T16:30:44Z': 1_771_259_444,
} as const;
const snapshotQuery = (time: number, id = '100'): string => `backup-id=${id}&backup-time=${time}&backup-type=vm`;
const oldest = snapshotQuery(times['2026-02-13T16:27:41Z']);
const newest = snapshotQuery(times['2026-02-16T16:30:44Z']);

const forget = async (query: string, as?: string, what = 'snapshots'): Promise<readonly [number, string]> => {
  const { status, body } = await lab.ask(`admin/datastore/tank/${what}?${query}`, {
    method: 'DELETE',
    ...(as === undefined ? {} : { as }),
  });
  return [status, body];
};

/** A copy of vm/100 under another id, with another owner. */
function copyGroup(id: string, owner: string): string {
  const folder = join(lab.path, 'vm', id);
  cpSync(join(lab.path, 'vm/100'), folder, { recursive: true });
  writeFileSync(join(folder, 'owner'), `${owner}\n`);
  return folder;
}

/** Holds a reader session open while `use` runs. */
async function whileReading(query: string, use: () => Promise<void>): Promise<void> {
  const socket = await openTls(lab.server.port);
  try {
    const headers = { ...tokenHeader('admin'), connection: 'upgrade', upgrade: 'proxmox-backup-reader-protocol-v1' };
    const answer = await exchange(socket, getText(`/api2/json/reader?${query}&store=tank`, headers));
    assert.equal(answer.status, 101, answer.body);
    await use();
  } finally {
    socket.destroy();
  }
}

describe('forgetting a snapshot', () => {
  it('removes it, and with the last one its group', async () => {
    const folder = copyGroup('501', 'admin@pbs');
    for (const [index, [name, time]] of Object.entries(times).entries()) {
      assert.deepEqual(await forget(snapshotQuery(time, '501')), [200, '{"data":null}']);
      assert.equal(existsSync(join(folder, name)), false);
      assert.equal(existsSync(folder), index < 3);
    }
    const [status, text] = await forget(snapshotQuery(times['2026-02-13T16:27:41Z'], '501'));
    assert.deepEqual([status, text], [400, 'snapshot vm/501/2026-02-13T16:27:41Z does not exist.']);
  });

  it('is refused while somebody reads it, and possible afterwards', async () => {
    const folder = copyGroup('502', 'admin@pbs');
    const query = snapshotQuery(times['2026-02-14T16:28:42Z'], '502');
    await whileReading(query, async () => {
      const [status, text] = await forget(query);
      assert.equal(status, 400);
      assert.match(
        text,
        /^failed to delete snapshot - while destroying snapshot ".*502\/2026-02-14T16:28:42Z": unable to acquire snapshot lock ".*"$/u,
      );
      assert.ok(existsSync(join(folder, '2026-02-14T16:28:42Z/index.json.blob')));
    });
    for (;;) {
      const [status] = await forget(query);
      if (status === 200) break;
    }
  });

  it('is for those who may: its owner, or who may do everything', async () => {
    copyGroup('503', 'tenant@pbs!t');
    copyGroup('504', 'tenant@pbs');
    const query = (id: string): string => snapshotQuery(times['2026-02-13T16:27:41Z'], id);
    assert.equal((await forget(query('503'), 'auditor'))[0], 403);
    assert.deepEqual(await forget(query('504'), 'tenant'), [
      400,
      'backup owner check failed (tenant@pbs!t != tenant@pbs)',
    ]);
    assert.equal((await forget(query('503'), 'tenant'))[0], 200);
    assert.equal((await forget(query('504')))[0], 200);
  });

  it('is refused for a protected one', async () => {
    const folder = copyGroup('505', 'admin@pbs');
    writeFileSync(join(folder, '2026-02-13T16:27:41Z/.protected'), '');
    const query = snapshotQuery(times['2026-02-13T16:27:41Z'], '505');
    assert.deepEqual(await forget(query), [400, 'cannot remove protected snapshot']);
    assert.equal(readdirSync(join(folder, '2026-02-13T16:27:41Z')).length, 4);
  });
});

describe('forgetting a group', () => {
  it('removes all of it', async () => {
    const folder = copyGroup('601', 'admin@pbs');
    writeFileSync(join(folder, 'notes'), 'x');
    const [status, body] = await forget('backup-id=601&backup-type=vm', undefined, 'groups');
    assert.equal(status, 200, body);
    assert.deepEqual(JSON.parse(body), {
      data: { 'protected-snapshots': 0, 'removed-groups': 1, 'removed-snapshots': 4 },
    });
    assert.equal(existsSync(folder), false);
    assert.deepEqual(await forget('backup-id=601&backup-type=vm', undefined, 'groups'), [
      400,
      'group vm/601 does not exist.',
    ]);
  });

  it('leaves what is read or protected, and says so', async () => {
    const folder = copyGroup('602', 'admin@pbs');
    writeFileSync(join(folder, '2026-02-13T16:27:41Z/.protected'), '');
    const read = '2026-02-15T16:29:43Z';
    await whileReading(snapshotQuery(times[read], '602'), async () => {
      const [status, text] = await forget('backup-id=602&backup-type=vm', undefined, 'groups');
      assert.equal(status, 400);
      assert.match(text, /^failed to delete group - while destroying snapshot/u);
    });
    assert.deepEqual(readdirSync(folder).sort(), ['2026-02-13T16:27:41Z', read, 'owner']);
    const query = 'backup-id=602&backup-type=vm';
    for (;;) {
      const [status, text] = await forget(query, undefined, 'groups');
      if (status === 400 && text === 'group only partially deleted due to protected snapshots') break;
      assert.match(text, /unable to acquire snapshot lock/u);
    }
    const [status, body] = await forget(`${query}&error-on-protected=0`, undefined, 'groups');
    assert.deepEqual(
      [status, (JSON.parse(body) as { data: object }).data],
      [200, { 'protected-snapshots': 1, 'removed-groups': 0, 'removed-snapshots': 0 }],
    );
  });
});

describe('nothing is changed', () => {
  it('in a datastore that is read-only', async () => {
    lab.server.mount({ store: 'frozen', path: lab.path, isReadOnly: true });
    const text = "datastore 'frozen' is unavailable: read-only maintenance mode:";
    for (const [method, target] of [
      ['DELETE', `snapshots?${oldest}`],
      ['DELETE', 'groups?backup-id=100&backup-type=vm'],
      ['POST', 'namespace?name=x'],
      ['DELETE', 'namespace?ns=x'],
      ['PUT', `notes?${oldest}&notes=x`],
      ['PUT', 'group-notes?backup-id=100&backup-type=vm&notes=x'],
      ['PUT', `protected?${oldest}&protected=1`],
    ] as const) {
      const { status, body } = await lab.ask(`admin/datastore/frozen/${target}`, { method });
      assert.deepEqual([status, body], [400, text], target);
    }
    const stores = (await lab.data('admin/datastore')) as Record<string, unknown>[];
    assert.equal(stores.find(({ store }) => store === 'frozen')?.['maintenance'], 'type=read-only');
    assert.equal(((await lab.data('admin/datastore/frozen/snapshots?backup-id=100')) as unknown[]).length, 4);
  });

  it('outside of the datastore, by no name', async () => {
    await using folder = await temporaryFolder();
    const victim = basename(folder.path);
    writeFileSync(join(folder.path, 'owner'), 'admin@pbs\n');
    for (const id of [
      `../../${victim}`,
      `..%2f..%2f${victim}`,
      '%2e%2e',
      '.',
      'a/../..',
      '%00',
      '100%00',
      '%252e%252e',
    ])
      for (const [what, query] of [
        ['snapshots', `backup-id=${id}&backup-time=1&backup-type=vm`],
        ['groups', `backup-id=${id}&backup-type=vm`],
      ] as const) {
        const [status, text] = await forget(query, undefined, what);
        assert.deepEqual(
          [status, text],
          [400, "parameter verification failed - 'backup-id': value does not match the regex pattern"],
          `${what} ${id}`,
        );
      }
    assert.ok(existsSync(join(folder.path, 'owner')));
    assert.equal((await forget(newest.replace('type=vm', 'type=../vm')))[0], 400);
  });
});

describe('notes', () => {
  const manifestFile = (): string => join(lab.path, 'vm/100/2026-02-14T16:28:42Z/index.json.blob');
  const notes = async (
    query: string,
    text: string,
    as = 'admin',
    what = 'notes',
  ): Promise<readonly [number, string]> => {
    const { status, body } = await lab.ask(`admin/datastore/tank/${what}?${query}`, {
      method: 'PUT',
      as,
      body: new URLSearchParams({ notes: text }).toString(),
      contentType: 'application/x-www-form-urlencoded',
    });
    return [status, body];
  };

  it('of a snapshot are kept in its manifest, and change nothing that is signed', async () => {
    const query = snapshotQuery(times['2026-02-14T16:28:42Z']);
    const file = manifestFile();
    const before = parseManifest(readFileSync(file));
    assert.equal(await lab.data(`admin/datastore/tank/notes?${query}`), '');
    const text = 'Before the move\nto the new host: ü, 100 %';
    assert.deepEqual(await notes(query, text), [200, '{"data":null}']);
    assert.equal(await lab.data(`admin/datastore/tank/notes?${query}`), text);
    const manifest = parseManifest(readFileSync(file));
    assert.equal(canonicalManifest(manifest), canonicalManifest(before));
    assert.deepEqual(manifest.unprotected, { ...before.unprotected, notes: text });
    const list = (await lab.data('admin/datastore/tank/snapshots?backup-id=100')) as Record<string, unknown>[];
    assert.equal(
      list.find((item) => item['backup-time'] === times['2026-02-14T16:28:42Z'])?.['comment'],
      'Before the move',
    );
    assert.equal(readdirSync(dirname(file)).length, 3);
  });

  it('of a group are kept beside its owner', async () => {
    copyGroup('702', 'tenant@pbs!t');
    const query = 'backup-id=702&backup-type=vm';
    assert.equal(await lab.data(`admin/datastore/tank/group-notes?${query}`), '');
    assert.equal((await notes(query, 'mine', 'tenant', 'group-notes'))[0], 200);
    assert.equal(await lab.data(`admin/datastore/tank/group-notes?${query}`, { as: 'auditor' }), 'mine');
    assert.equal((await notes('backup-id=none&backup-type=vm', 'x', 'admin', 'group-notes'))[0], 400);
  });

  it('are for those who may', async () => {
    copyGroup('703', 'tenant@pbs!t');
    const query = snapshotQuery(times['2026-02-14T16:28:42Z'], '703');
    assert.equal((await notes(query, 'x', 'auditor'))[0], 403);
    assert.equal((await notes(query, 'x', 'tenant'))[0], 200);
    assert.equal(await lab.data(`admin/datastore/tank/notes?${query}`, { as: 'auditor' }), 'x');
    assert.equal((await notes(newest, 'x', 'tenant'))[0], 400);
  });
});

describe('protection', () => {
  it('is a marker, and holds against forgetting', async () => {
    copyGroup('704', 'admin@pbs');
    const query = snapshotQuery(times['2026-02-14T16:28:42Z'], '704');
    const protect = async (value: string): Promise<number> =>
      (await lab.ask(`admin/datastore/tank/protected?${query}&protected=${value}`, { method: 'PUT' })).status;
    const isProtected = async (): Promise<unknown> => await lab.data(`admin/datastore/tank/protected?${query}`);
    assert.equal(await isProtected(), false);
    assert.equal(await protect('true'), 200);
    assert.equal(await isProtected(), true);
    assert.equal((await forget(query))[0], 400);
    assert.deepEqual([await protect('0'), await protect('off'), await isProtected()], [200, 200, false]);
    assert.equal((await forget(query))[0], 200);
  });
});

describe("the client's log", () => {
  it('is taken once, from the owner, as a sound blob', async () => {
    const folder = copyGroup('705', 'tenant@pbs!t');
    const query = snapshotQuery(times['2026-02-14T16:28:42Z'], '705');
    const upload = async (body: Uint8Array, as = 'tenant'): Promise<readonly [number, string]> => {
      const asking = { method: 'POST', as, body, contentType: 'application/octet-stream' };
      const answer = await lab.ask(`admin/datastore/tank/upload-backup-log?${query}`, asking);
      return [answer.status, answer.body];
    };
    const blob = Buffer.from(encodeBlob(Buffer.from('starting backup\ndone\n')));
    assert.deepEqual(await upload(blob.with(12, (blob[12] ?? 0) ^ 1)), [400, 'Data blob has wrong CRC checksum.']);
    assert.deepEqual(await upload(Buffer.from('no blob')), [400, 'Data blob has wrong CRC checksum.']);
    assert.equal((await upload(blob, 'auditor'))[0], 403);
    assert.deepEqual(await upload(blob, 'admin'), [400, 'backup owner check failed (admin@pbs!t != tenant@pbs!t)']);
    assert.deepEqual(await upload(blob), [200, '{"data":null}']);
    assert.deepEqual(await upload(blob), [400, 'backup already contains a log.']);
    assert.ok(readFileSync(join(folder, '2026-02-14T16:28:42Z/client.log.blob')).equals(blob));
  });
});

describe('a disk that fails', () => {
  it('while a snapshot is removed leaves none that looks whole, and says so in the words of PBS', async () => {
    const removed: string[] = [];
    const failing: FilePort = {
      ...systemFiles,
      rm: async (path, options) => {
        removed.push(String(path));
        if (options?.recursive === true)
          throw Object.assign(new Error('EIO: i/o error, rm'), { code: 'EIO', errno: -5 });
        await systemFiles.rm(path, options);
      },
    };
    await using other = await RestLab.start({}, ['vm/100'], { files: failing });
    const folder = join(other.path, 'vm/100/2026-02-13T16:27:41Z');
    const { status, body } = await other.ask(`admin/datastore/tank/snapshots?${oldest}`, { method: 'DELETE' });
    assert.deepEqual([status, body], [400, 'Input/output error (os error 5)']);
    assert.deepEqual(removed, [join(folder, 'index.json.blob'), folder]);
    assert.deepEqual(readdirSync(folder).sort(), ['drive-scsi0.img.fidx', 'qemu-server.conf.blob']);
  });
});

describe('a full disk', () => {
  it('is named in the words of PBS, and leaves everything as it was', async () => {
    const full: FilePort = {
      ...systemFiles,
      open: async (path, flags, mode) => {
        if (flags !== 'wx') return await systemFiles.open(path, flags, mode);
        throw Object.assign(new Error('ENOSPC: no space left on device, open'), { code: 'ENOSPC', errno: -28 });
      },
    };
    await using other = await RestLab.start({}, ['vm/100'], { files: full });
    const folder = join(other.path, 'vm/100/2026-02-13T16:27:41Z');
    const manifest = readFileSync(join(folder, 'index.json.blob'));
    const blob = encodeBlob(Buffer.from('a log'));
    writeFileSync(join(other.path, 'vm/100/owner'), 'admin@pbs!t\n');
    for (const [method, target, body] of [
      ['PUT', `notes?${oldest}&notes=x`, ''],
      ['PUT', 'group-notes?backup-id=100&backup-type=vm&notes=x', ''],
      ['PUT', `protected?${oldest}&protected=1`, ''],
      ['POST', `upload-backup-log?${oldest}`, blob],
    ] as const) {
      const answer = await other.ask(`admin/datastore/tank/${target}`, { method, body });
      assert.deepEqual([answer.status, answer.body], [400, 'No space left on device (os error 28)'], target);
    }
    assert.ok(readFileSync(join(folder, 'index.json.blob')).equals(manifest));
    assert.deepEqual(readdirSync(folder).sort(), ['drive-scsi0.img.fidx', 'index.json.blob', 'qemu-server.conf.blob']);
  });
});
