import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';

import { encodeBlob } from '../../../../src/pbs/format/blob.ts';
import { expected, goldenStore } from '../../datastore/golden.ts';
import { exchange, field, getText, openTls } from '../raw-client.ts';
import { RestLab, tokenHeader } from './rest-lab.ts';

let lab: RestLab;
before(async () => {
  lab = await RestLab.start({
    auditor: [{ path: '/datastore/tank', role: 'DatastoreAudit' }],
    bench: [{ path: '/datastore/tank', role: 'DatastoreBackup' }],
  });
});
after(() => lab[Symbol.asyncDispose]());

const query = (snapshot: string): string => {
  const [type, id, time = ''] = snapshot.split('/');
  return `backup-id=${id}&backup-time=${Date.parse(time) / 1000}&backup-type=${type}`;
};
const newest = 'vm/100/2026-02-16T16:30:44Z';
const download = (snapshot: string, file: string, what = 'download'): string =>
  `admin/datastore/tank/${what}?${query(snapshot)}&file-name=${file}`;

const openFiles = (): number => readdirSync('/proc/self/fd').length;

describe('downloading a file', () => {
  it('gives its bytes', async () => {
    for (const file of ['index.json.blob', 'drive-scsi0.img.fidx', 'qemu-server.conf.blob']) {
      const answer = await lab.ask(download(newest, file));
      assert.deepEqual([answer.status, field(answer, 'content-type')], [200, 'application/octet-stream']);
      assert.ok(answer.bytes.equals(readFileSync(join(goldenStore, newest, file))), file);
    }
  });

  it('works the same with an Upgrade that nobody means', async () => {
    const socket = await openTls(lab.server.port);
    const headers = { ...tokenHeader('admin'), connection: 'upgrade', upgrade: 'x' };
    for (const target of [download(newest, 'drive-scsi0.img.fidx'), `admin/datastore/tank/snapshots?backup-id=100`]) {
      const odd = await exchange(socket, getText(`/api2/json/${target}`, headers));
      const plain = await exchange(socket, getText(`/api2/json/${target}`, tokenHeader('admin')));
      assert.equal(odd.status, 200);
      assert.ok(odd.bytes.equals(plain.bytes), target);
    }
    socket.destroy();
  });

  it('works the same for a blob of nothing, behind which the connection goes on', async () => {
    const file = join(lab.path, newest, 'qemu-server.conf.blob');
    const original = readFileSync(file);
    writeFileSync(file, encodeBlob(new Uint8Array()));
    const socket = await openTls(lab.server.port);
    const target = `/api2/json/${download(newest, 'qemu-server.conf.blob', 'download-decoded')}`;
    for (const upgrade of [{ connection: 'upgrade', upgrade: 'x' }, {}, {}]) {
      const answer = await exchange(socket, getText(target, { ...tokenHeader('admin'), ...upgrade }));
      assert.deepEqual([answer.status, answer.bytes.length], [200, 0]);
    }
    socket.destroy();
    writeFileSync(file, original);
  });

  it('is refused for what is not there, is no name of a file, or is a link', async () => {
    const folder = join(lab.path, newest);
    symlinkSync(join(lab.path, 'vm/100/owner'), join(folder, 'link.blob'));
    writeFileSync(join(folder, 'secret.txt'), 'x');
    for (const [file, status, text] of [
      ['nope.blob', 404, `open file ${JSON.stringify(join(folder, 'nope.blob'))} failed - not found`],
      [
        'link.blob',
        400,
        `open file ${JSON.stringify(join(folder, 'link.blob'))} failed - Too many levels of symbolic links (os error 40)`,
      ],
      ['secret.txt', 400, 'unknown archive type: "secret.txt"'],
      ...[
        '../owner',
        '..%2fowner',
        '%2e%2e%2fowner',
        '%252e%252e%252fowner',
        '/etc/passwd',
        'index.json.blob%00',
        '.protected',
      ].map(
        (name) =>
          [name, 400, "parameter verification failed - 'file-name': value does not match the regex pattern"] as const,
      ),
    ] as const) {
      for (const what of ['download', 'download-decoded']) {
        const answer = await lab.ask(download(newest, file, what));
        if (what === 'download') assert.deepEqual([answer.status, answer.body], [status, text], file);
        else assert.ok(answer.status === 400 || answer.status === 404, `${file}: ${answer.status}`);
      }
    }
    rmSync(join(folder, 'link.blob'));
    rmSync(join(folder, 'secret.txt'));
  });

  it('needs the right to read, or to own the group', async () => {
    assert.equal((await lab.ask(download(newest, 'index.json.blob'), { as: 'auditor' })).status, 403);
    assert.equal((await lab.ask(download(newest, 'index.json.blob'), { as: 'bench' })).status, 400);
    writeFileSync(join(lab.path, 'vm/100/owner'), 'bench@pbs!t\n');
    assert.equal((await lab.ask(download(newest, 'index.json.blob'), { as: 'bench' })).status, 200);
    writeFileSync(join(lab.path, 'vm/100/owner'), 'bench@pbs\n');
  });

  it('leaves no file open when the client goes away', async () => {
    const before = openFiles();
    for (let turn = 0; turn < 20; turn += 1) {
      const socket = await openTls(lab.server.port);
      socket.write(
        getText(
          `/api2/json/${download(newest, 'drive-scsi0.img.fidx', turn % 2 === 0 ? 'download' : 'download-decoded')}`,
          tokenHeader('admin'),
        ),
      );
      await setTimeout(turn);
      socket.destroy();
    }
    while (openFiles() > before) await setTimeout(10);
  });
});

describe('downloading decoded', () => {
  it('gives images, archives and blobs as they were', async () => {
    for (const [snapshot, file] of [
      [newest, 'drive-scsi0.img.fidx'],
      ['vm/400/2026-02-15T18:26:40Z', 'drive-efidisk0.img.fidx'],
      ['host/anchor/2026-02-13T19:26:40Z', 'root.pxar.didx'],
      [newest, 'qemu-server.conf.blob'],
    ] as const) {
      const answer = await lab.ask(download(snapshot, file, 'download-decoded'));
      const facts = expected.snapshots[snapshot]?.files[file];
      assert.equal(answer.status, 200, answer.body);
      assert.equal(
        hash('sha256', answer.bytes),
        facts?.original?.sha256 ?? facts?.stream_sha256 ?? facts?.payload_sha256,
        file,
      );
    }
    const manifest = await lab.ask(download(newest, 'index.json.blob', 'download-decoded'));
    assert.equal((JSON.parse(manifest.body) as Record<string, unknown>)['backup-id'], '100');
  });

  it('is refused for what is encrypted or not in the manifest', async () => {
    const encrypted = await lab.ask(
      download('vm/200/2026-02-13T17:26:40Z', 'drive-scsi0.img.fidx', 'download-decoded'),
    );
    assert.deepEqual([encrypted.status, encrypted.body], [400, "cannot decode 'drive-scsi0.img.fidx' - is encrypted"]);
    const missing = await lab.ask(download(newest, 'nope.blob', 'download-decoded'));
    assert.deepEqual([missing.status, missing.body], [404, "file 'nope.blob' not found in manifest"]);
  });

  it('breaks off at a chunk that is damaged, so that nobody takes a part for the whole', async () => {
    const index = readFileSync(join(lab.path, newest, 'drive-scsi0.img.fidx'));
    const digest = index.toString('hex', 4096 + 5 * 32, 4096 + 6 * 32);
    const chunk = join(lab.path, '.chunks', digest.slice(0, 4), digest);
    const bytes = readFileSync(chunk);
    writeFileSync(chunk, bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1));
    await assert.rejects(
      lab.ask(download(newest, 'drive-scsi0.img.fidx', 'download-decoded')),
      /^Error: closed after/u,
    );
    writeFileSync(chunk, bytes);
  });
});
