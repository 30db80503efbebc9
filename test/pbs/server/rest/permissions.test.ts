import assert from 'node:assert/strict';
import { rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { monotonicClock, monotonicNow } from '../../../../src/clock/monotonic.ts';
import { startEmbeddedServer } from '../../../../src/pbs/server/start-embedded-server.ts';
import { goldenStore, temporaryFolder } from '../../datastore/golden.ts';
import { exchange, fetchH2, field, getText, openTls, postText, startHttp2, type RawAnswer } from '../raw-client.ts';
import { RestLab, tokenHeader } from './rest-lab.ts';

const newest = 'backup-id=100&backup-time=1771259444&backup-type=vm';
const json = 'application/json;charset=UTF-8';

let lab: RestLab;
before(async () => {
  lab = await RestLab.start({
    nobody: [],
    auditor: [{ path: '/datastore/tank', role: 'DatastoreAudit' }],
    reader: [{ path: '/datastore/tank', role: 'DatastoreReader' }],
    backup: [{ path: '/datastore/tank', role: 'DatastoreBackup' }],
    elsewhere: [{ path: '/datastore/other', role: 'Admin' }],
  });
});
after(() => lab[Symbol.asyncDispose]());

async function upgrade(kind: 'reader' | 'backup', as: string, query: string): Promise<RawAnswer> {
  const socket = await openTls(lab.server.port);
  try {
    const protocol = { reader: 'proxmox-backup-reader-protocol-v1', backup: 'proxmox-backup-protocol-v1' }[kind];
    const headers = { ...tokenHeader(as), connection: 'upgrade', upgrade: protocol };
    return await exchange(socket, getText(`/api2/json/${kind}?${query}&store=tank`, headers));
  } finally {
    socket.destroy();
  }
}

describe('a session', () => {
  it('is granted to those who may have it, and refused to others as a real server refuses it', async () => {
    const fresh = 'backup-id=999&backup-time=1900000000&backup-type=vm';
    const cases: readonly (readonly [
      kind: 'reader' | 'backup',
      as: string,
      query: string,
      status: number,
      text: string,
    ])[] = [
      ['reader', 'reader', newest, 101, ''],
      ['reader', 'nobody', newest, 400, 'permission check failed'],
      ['reader', 'auditor', newest, 400, 'permission check failed'],
      ['reader', 'elsewhere', newest, 400, 'permission check failed'],
      ['reader', 'backup', newest, 400, 'backup owner check failed (backup@pbs!t != bench@pbs)'],
      ['reader', 'reader', `${newest}&ns=nope`, 400, 'snapshot vm/100/2026-02-16T16:30:44Z does not exist.'],
      ['backup', 'nobody', fresh, 403, 'permission check failed'],
      ['backup', 'reader', fresh, 403, 'permission check failed'],
      ['backup', 'backup', `${fresh}&ns=nope`, 404, 'namespace not found'],
      [
        'backup',
        'backup',
        newest.replace('1771259444', '1900000000'),
        400,
        'backup owner check failed (backup@pbs!t != bench@pbs)',
      ],
      ['backup', 'backup', fresh, 101, ''],
    ];
    for (const [kind, as, query, status, text] of cases) {
      const answer = await upgrade(kind, as, query);
      assert.deepEqual([answer.status, answer.body], [status, text], `${kind} for ${as}`);
      if (status !== 101) assert.equal(field(answer, 'content-type'), json);
    }
  });

  it('goes on with what it knows when its snapshot is removed behind the back of the server', async () => {
    const folder = join(lab.path, 'vm/100/2026-02-16T16:30:44Z');
    const socket = await openTls(lab.server.port);
    const headers = { ...tokenHeader('reader'), connection: 'upgrade', upgrade: 'proxmox-backup-reader-protocol-v1' };
    await exchange(socket, getText(`/api2/json/reader?${newest}&store=tank`, headers));
    const session = startHttp2(socket);
    const index = await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
    const chunk = `/chunk?digest=${index.body.toString('hex', 4096, 4128)}`;
    await rename(folder, `${folder}.away`);
    const ask = async (path: string): Promise<number> => (await fetchH2(session, path)).status;
    assert.deepEqual(
      [
        await ask(chunk),
        await ask('/download?file-name=drive-scsi0.img.fidx'),
        await ask('/download?file-name=index.json.blob'),
        (await upgrade('reader', 'reader', newest)).status,
      ],
      [200, 400, 404, 400],
    );
    await rename(`${folder}.away`, folder);
    assert.equal(await ask('/download?file-name=index.json.blob'), 200);
    session.destroy();
  });

  it('follows no link: neither of a snapshot that leads away, nor of a file or a chunk', async () => {
    await using outside = await temporaryFolder();
    const snapshot = join(lab.path, 'vm/100/2026-03-01T00:00:00Z');
    await rename(join(lab.path, 'vm/100/2026-02-13T16:27:41Z'), join(outside.path, 'snapshot'));
    await symlink(join(outside.path, 'snapshot'), snapshot);
    const away = await upgrade('reader', 'reader', newest.replace('1771259444', '1772323200'));
    assert.deepEqual([away.status, away.body], [400, 'snapshot vm/100/2026-03-01T00:00:00Z does not exist.']);
    await rm(snapshot);
    await rename(join(outside.path, 'snapshot'), join(lab.path, 'vm/100/2026-02-13T16:27:41Z'));

    const folder = join(lab.path, 'vm/100/2026-02-16T16:30:44Z');
    await writeFile(join(outside.path, 'secret'), 'secret');
    for (const name of ['link.blob', 'link.fidx']) await symlink(join(outside.path, 'secret'), join(folder, name));
    const socket = await openTls(lab.server.port);
    const headers = { ...tokenHeader('reader'), connection: 'upgrade', upgrade: 'proxmox-backup-reader-protocol-v1' };
    await exchange(socket, getText(`/api2/json/reader?${newest}&store=tank`, headers));
    const session = startHttp2(socket);
    const index = await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
    const digest = index.body.toString('hex', 4096, 4128);
    const chunk = join(lab.path, '.chunks', digest.slice(0, 4), digest);
    await rename(chunk, join(outside.path, 'chunk'));
    await symlink(join(outside.path, 'chunk'), chunk);
    for (const path of ['/download?file-name=link.blob', '/download?file-name=link.fidx', `/chunk?digest=${digest}`]) {
      const { status, body } = await fetchH2(session, path);
      assert.equal(status, 400, path);
      assert.match(body.toString(), /Too many levels of symbolic links \(os error 40\)$/u);
    }
    session.destroy();
    await rm(chunk);
    await rename(join(outside.path, 'chunk'), chunk);
    for (const name of ['link.blob', 'link.fidx']) await rm(join(folder, name));
  });
});

describe('a ticket', () => {
  it('changes nothing without its CSRF prevention token', async () => {
    await using folder = await temporaryFolder();
    await using server = await startEmbeddedServer({
      clock: monotonicClock(),
      penaltyMs: 1,
      userId: 'root@pam',
      secret: 'secret',
      certificateFolder: folder.path,
    });
    server.mount({ store: 'tank', path: folder.path });
    const socket = await openTls(server.port);
    const body = JSON.stringify({ username: 'root@pam', password: 'secret' });
    const login = await exchange(socket, postText('/api2/json/access/ticket', 'application/json', body));
    const { ticket = '', CSRFPreventionToken: token = '' } = (
      JSON.parse(login.body) as { data: Record<string, string> }
    ).data;
    const create = async (headers: readonly string[]): Promise<number> => {
      const lines = [
        'POST /api2/json/admin/datastore/tank/namespace HTTP/1.1',
        'host: x',
        ...headers,
        'content-length: 6',
      ];
      return (await exchange(socket, `${lines.join('\r\n')}\r\n\r\nname=a`)).status;
    };
    const cookie = `cookie: PBSAuthCookie=${encodeURIComponent(ticket)}`;
    const wrong = token.replace(/.$/u, (last) => (last === 'A' ? 'B' : 'A'));
    assert.equal(await create([cookie]), 401);
    assert.equal(await create([cookie, `csrfpreventiontoken: ${wrong}`]), 401);
    assert.equal(await create([`csrfpreventiontoken: ${token}`]), 401);
    assert.equal(await create([cookie, `csrfpreventiontoken: ${token}`]), 200);
    // A GET changes nothing, so it needs none (spec 2.3).
    assert.equal((await exchange(socket, getText('/api2/json/version', { cookie: cookie.slice(8) }))).status, 200);
    socket.destroy();
  });
});

describe('whoever may not', () => {
  it('is told so late', async () => {
    const penalties = { penaltyMs: 120, forbiddenMs: 60 };
    await using folder = await temporaryFolder();
    await using server = await startEmbeddedServer({
      clock: monotonicClock(),
      ...penalties,
      accounts: { users: [{ id: 'a@pbs', tokens: [{ name: 'tok', secret: { kind: 'plain', text: 's' } }] }], acl: [] },
      certificateFolder: folder.path,
    });
    server.mount({ store: 'tank', path: goldenStore });
    const socket = await openTls(server.port);
    const timed = async (secret: string, target: string): Promise<{ status: number; ms: number }> => {
      const start = monotonicNow();
      const { status } = await exchange(socket, getText(target, { authorization: `PBSAPIToken=a@pbs!tok:${secret}` }));
      return { status, ms: monotonicNow() - start };
    };
    const forbidden = await timed('s', '/api2/json/admin/datastore/tank/snapshots');
    assert.ok(forbidden.status === 403 && forbidden.ms >= penalties.forbiddenMs, JSON.stringify(forbidden));
    const unknown = await timed('wrong', '/api2/json/version');
    assert.ok(unknown.status === 401 && unknown.ms >= penalties.penaltyMs, JSON.stringify(unknown));
    assert.equal((await timed('s', '/api2/json/version')).status, 200);
    socket.destroy();
  });

  it('learns nothing of what is there', async () => {
    for (const target of ['snapshots', 'groups', 'status', 'namespace', `files?${newest}`, `notes?${newest}`]) {
      for (const store of ['tank', 'nostore']) {
        const { status, body } = await lab.ask(`admin/datastore/${store}/${target}`, { as: 'nobody' });
        assert.deepEqual([status, body], [403, 'permission check failed'], `${store} ${target}`);
      }
    }
  });
});
