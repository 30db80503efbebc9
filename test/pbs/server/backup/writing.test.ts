import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';

import { openDatastore } from '../../../../src/pbs/datastore/open-datastore.ts';
import { encodeBlob } from '../../../../src/pbs/format/blob.ts';
import { BackupLab, CHUNK, chunkOf, sha256, type BackupClient } from './backup-client.ts';
import { noSpace, WatchedFiles, type WatchedCall } from './watched-files.ts';

const ARCHIVE = 'drive-scsi0.img.fidx';
const TIME = 1_771_000_000;
const NAME = new Date(TIME * 1000).toISOString().replace('.000Z', 'Z');

describe('a backup on its way to the disk', () => {
  it('is written, flushed, renamed, and its folder flushed, chunks before the index and the manifest last', async () => {
    const files = new WatchedFiles();
    await using lab = await BackupLab.start({ files: files.port });
    {
      await using client = await lab.begin(TIME);
      const csum = await client.image(ARCHIVE, [chunkOf('a'), chunkOf('b'), chunkOf('c', 100)]);
      assert.equal((await client.blob('qemu-server.conf.blob', encodeBlob(Buffer.from('a: b\n')))).status, 200);
      await client.finish([{ filename: ARCHIVE, size: 2 * CHUNK + 100, csum }]);
      checkOrder(files.calls);
    }
    const renamed = files.calls
      .filter(({ name }) => name === 'rename')
      .map(({ to = '' }) => to.slice(lab.store.length));
    const chunks = renamed.filter((path) => path.startsWith('/.chunks/'));
    assert.equal(chunks.length, 3);
    assert.deepEqual(
      renamed.filter((path) => !path.startsWith('/.chunks/')).map((path) => path.split('/').at(-1)),
      ['owner', ARCHIVE, 'qemu-server.conf.blob', 'index.json.blob.tmp_finish', 'index.json.blob'],
    );
  });

  /** What may be cut at any moment must never leave a name without its content, or an index without its chunks. */
  function checkOrder(calls: readonly WatchedCall[]): void {
    const lastBefore = (end: number, fits: (call: WatchedCall) => boolean): number =>
      calls.slice(0, end).findLastIndex(fits);
    const renames = calls.flatMap((call, at) =>
      call.name === 'rename' ? [{ at, from: call.path, to: call.to ?? '' }] : [],
    );
    for (const { at, from, to } of renames) {
      const written = lastBefore(at, ({ name, path }) => path === from && (name === 'write' || name === 'truncate'));
      const flushed = lastBefore(at, ({ name, path }) => path === from && name === 'sync');
      assert.ok(written !== -1 && flushed > written, `${to} is flushed between its last write and its name`);
      const folder = calls.findIndex(({ name, path }, index) => index > at && name === 'sync' && path === dirname(to));
      assert.ok(folder !== -1, `the folder of ${to} is flushed after that`);
    }
    const placeOf = (ending: string): number => renames.findLast(({ to }) => to.endsWith(ending))?.at ?? -1;
    for (const { at, to } of renames) {
      const flushed = calls.findIndex(({ name, path }, index) => index > at && name === 'sync' && path === dirname(to));
      if (to.includes('/.chunks/')) assert.ok(flushed < placeOf(ARCHIVE), 'an index comes after what it names');
      if (!to.endsWith('index.json.blob')) assert.ok(flushed < placeOf('index.json.blob'), `${to} before the manifest`);
    }
    for (const [at, { name, path }] of calls.entries()) {
      if (name !== 'mkdir') continue;
      const flushed = calls.findIndex(
        (call, index) => index > at && call.name === 'sync' && call.path === dirname(path),
      );
      assert.ok(flushed !== -1 && flushed < placeOf('index.json.blob'), `the new folder ${path} is flushed`);
    }
  }
});

describe('a disk that is full', () => {
  const stages: readonly (readonly [stage: string, fits: (call: WatchedCall) => boolean])[] = [
    ['the write of a chunk', ({ name, path }) => name === 'write' && path.includes('/.chunks/')],
    [
      'the flush of a chunk',
      ({ name, path }) => name === 'sync' && path.includes('/.chunks/') && path.includes('.tmp_'),
    ],
    ['the folder of a chunk', ({ name, path }) => name === 'mkdir' && path.includes('/.chunks/')],
    ['the flush of chunk folders', ({ name, path }) => name === 'sync' && /\/\.chunks\/[0-9a-f]{4}$/u.test(path)],
    ['an append', ({ name, path }) => name === 'write' && path.endsWith('.tmp_fidx')],
    ['the name of an index', ({ name, path }) => name === 'rename' && path.endsWith('.tmp_fidx')],
    ['the upload of the manifest', ({ name, path }) => name === 'write' && path.includes('index.json.blob.tmp_finish')],
    ['the manifest', ({ name, path }) => name === 'write' && /index\.json\.blob\.tmp_[0-9a-f]{6}$/u.test(path)],
    [
      'the flush of the manifest',
      ({ name, path }) => name === 'sync' && /index\.json\.blob\.tmp_[0-9a-f]{6}$/u.test(path),
    ],
  ];

  /** Everything that a client does; the first refusal. */
  async function backUp(client: BackupClient): Promise<string> {
    const plain = chunkOf('a');
    const wid = (await client.expect('POST', `/fixed_index?archive-name=${ARCHIVE}&size=${CHUNK}`)) as number;
    const csum = sha256(Buffer.from(sha256(plain), 'hex'));
    const steps = [
      () => client.chunk(wid, plain),
      () => client.append(wid, [[sha256(plain), 0]]),
      () => client.ask('POST', `/fixed_close?chunk-count=1&csum=${csum}&size=${CHUNK}&wid=${wid}`),
      () => client.blob('index.json.blob', client.manifest([{ filename: ARCHIVE, size: CHUNK, csum }])),
      () => client.ask('POST', '/finish'),
    ];
    for (const step of steps) {
      const { status, data } = await step();
      if (status !== 200) return `${status} ${String(data)}`;
    }
    return 'finished';
  }

  it('is told at every step in the words of PBS, leaves nothing that looks done, and holds nobody else up', async () => {
    const files = new WatchedFiles();
    await using lab = await BackupLab.start({ files: files.port });
    await using other = await lab.begin(TIME, 'vm/999');
    for (const [stage, fits] of stages) {
      files.fault = (call) => (fits(call) ? noSpace() : undefined);
      {
        await using client = await lab.begin(TIME);
        assert.match(await backUp(client), /^400 .* failed - No space left on device \(os error 28\)$/u, stage);
        assert.ok(!existsSync(join(lab.store, 'vm/100', NAME, 'index.json.blob')), stage);
      }
      await lab.whenFree();
      assert.ok(!existsSync(join(lab.store, 'vm/100')), stage);
      const left = readdirSync(lab.store, { recursive: true })
        .map(String)
        .filter((path) => path.includes('tmp_'));
      assert.deepEqual(left, [], stage);
      assert.equal(await other.told('GET', '/previous_backup_time'), '200 null');
    }
    files.fault = () => undefined;
    {
      await using client = await lab.begin(TIME);
      assert.equal(await backUp(client), 'finished');
    }
    const datastore = await openDatastore(lab.store);
    assert.equal((await datastore.readIndex(`vm/100/${NAME}`, ARCHIVE)).slotCount, 1);
  });

  it('where not even the snapshot can begin refuses the session, and leaves no group behind', async () => {
    const files = new WatchedFiles();
    await using lab = await BackupLab.start({ files: files.port });
    for (const ending of ['/vm', '/vm/100', `/vm/100/${NAME}`, 'owner']) {
      files.fault = ({ name, path }) => {
        const isIt = path.endsWith(ending) || path.includes(`/${ending}.tmp_`);
        return isIt && name !== 'rm' ? noSpace() : undefined;
      };
      const { status, body } = await lab.refusal(`backup-id=100&backup-time=${TIME}&backup-type=vm`);
      assert.match(
        `${status} ${body}`,
        /^400 while creating backup .*: No space left on device \(os error 28\)$/u,
        ending,
      );
      assert.ok(!existsSync(join(lab.store, 'vm/100')), ending);
    }
    files.fault = () => undefined;
    await lab.backUp(TIME, [chunkOf('a')]);
  });
});
