import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { openDatastore } from '../../../../src/pbs/datastore/open-datastore.ts';
import { decodeBlob, encodeBlob } from '../../../../src/pbs/format/blob.ts';
import { BackupLab, CHUNK, chunkOf, chunkPath, eventually, queryOf, sha256, sizeOf } from './backup-client.ts';

const ARCHIVE = 'drive-scsi0.img.fidx';

/** A minute after the other, from some day of 2026. */
const at = (minute: number): number => 1_771_000_000 + 60 * minute;
const nameOf = (time: number): string => new Date(time * 1000).toISOString().replace('.000Z', 'Z');

const chunkNames = (lab: BackupLab): string[] =>
  readdirSync(join(lab.store, '.chunks')).flatMap((name) => readdirSync(join(lab.store, '.chunks', name)));

async function imageOf(lab: BackupLab, time: number): Promise<Buffer> {
  const datastore = await openDatastore(lab.store);
  const index = await datastore.readIndex(`vm/100/${nameOf(time)}`, ARCHIVE);
  const chunks: Uint8Array[] = [];
  for (const { digest, length } of index.slots())
    chunks.push(decodeBlob(await datastore.readChunk(digest), { maxPlainBytes: length }));
  return Buffer.concat(chunks);
}

describe('a backup', () => {
  it('is there when it is finished, with its chunks, its owner and what was uploaded for it', async () => {
    await using lab = await BackupLab.start();
    const chunks = [chunkOf('a'), chunkOf('b'), chunkOf('a'), chunkOf('c', 1000)];
    await lab.backUp(at(1), chunks);
    assert.ok((await imageOf(lab, at(1))).equals(Buffer.concat(chunks)));
    assert.equal(readFileSync(join(lab.store, 'vm/100/owner'), 'utf8'), 'bench@pbs!t1\n');
    const { unprotected } = await (await openDatastore(lab.store)).readManifest(`vm/100/${nameOf(at(1))}`);
    const { chunk_upload_stats: stats } = unprotected as { chunk_upload_stats: Record<string, number> };
    assert.deepEqual([stats['count'], stats['duplicates']], [4, 1]);
    assert.ok((stats['size'] ?? 0) > sizeOf(chunks), 'blobs count as well');
    assert.deepEqual(readdirSync(join(lab.store, 'vm/100', nameOf(at(1)))).sort(), [ARCHIVE, 'index.json.blob']);
    assert.equal(chunkNames(lab).length, 3);
  });

  it('leaves chunks and nothing else when its client goes away before it is finished', async () => {
    await using lab = await BackupLab.start();
    {
      await using client = await lab.begin(at(1));
      await client.image(ARCHIVE, [chunkOf('a')]);
      assert.equal((await client.blob('index.json.blob', client.manifest([]))).status, 200);
      assert.ok(!existsSync(join(lab.store, 'vm/100', nameOf(at(1)), 'index.json.blob')), 'it does not look finished');
    }
    await eventually(() => !existsSync(join(lab.store, 'vm/100')));
    assert.deepEqual(chunkNames(lab), [sha256(chunkOf('a'))]);
    await lab.whenFree();
    await lab.backUp(at(1), [chunkOf('a')]);
    {
      await using client = await lab.begin(at(2));
      await client.expect('POST', `/fixed_index?archive-name=${ARCHIVE}&size=${CHUNK}`);
    }
    await eventually(() => !existsSync(join(lab.store, 'vm/100', nameOf(at(2)))));
    assert.ok(existsSync(join(lab.store, 'vm/100/owner')), 'the group has another snapshot');
  });

  it('builds on the last one: known chunks need no upload, and an index can begin as a copy', async () => {
    await using lab = await BackupLab.start();
    const [a, b, c] = [chunkOf('a'), chunkOf('b'), chunkOf('c')];
    await lab.backUp(at(1), [a, b]);
    await using client = await lab.begin(at(2));
    assert.equal(await client.expect('GET', '/previous_backup_time'), at(1));
    const wid = (await client.expect('POST', `/fixed_index?archive-name=${ARCHIVE}&size=${2 * CHUNK}`)) as number;
    assert.match(String((await client.append(wid, [[sha256(a), 0]])).data), /no such chunk/u);
    const previous = await client.ask('GET', `/previous?archive-name=${ARCHIVE}`);
    assert.ok(previous.bytes.equals(readFileSync(join(lab.store, 'vm/100', nameOf(at(1)), ARCHIVE))));
    assert.equal(
      (
        await client.append(wid, [
          [sha256(b), 0],
          [sha256(a), CHUNK],
        ])
      ).status,
      200,
    );
    const csumOf = (...chunks: Buffer[]): string => sha256(...chunks.map((plain) => Buffer.from(sha256(plain), 'hex')));
    await client.expect('POST', `/fixed_close?chunk-count=2&csum=${csumOf(b, a)}&size=${2 * CHUNK}&wid=${wid}`);
    const reuse = `&reuse-csum=${csumOf(a, b)}&size=${2 * CHUNK}`;
    const second = (await client.expect('POST', `/fixed_index?archive-name=${ARCHIVE}${reuse}`)) as number;
    assert.equal((await client.chunk(second, c)).status, 200);
    assert.equal((await client.append(second, [[sha256(c), CHUNK]])).status, 200);
    await client.expect('POST', `/fixed_close?chunk-count=1&csum=${csumOf(a, c)}&size=${CHUNK}&wid=${second}`);
    await client.finish([{ filename: ARCHIVE, size: 2 * CHUNK, csum: csumOf(a, c) }]);
    assert.ok((await imageOf(lab, at(2))).equals(Buffer.concat([a, c])));
  });

  it('has its group for itself, and is newer than the last one', async () => {
    await using lab = await BackupLab.start();
    await lab.backUp(at(5), [chunkOf('a')]);
    {
      await using first = await lab.begin(at(6));
      const busy = await lab.refusal(queryOf(at(7)));
      assert.equal(busy.status, 400);
      assert.match(
        busy.body,
        /^unable to acquire backup group lock ".*vm-100" while creating locked backup group ".*"$/u,
      );
      await using other = await lab.begin(at(6), 'vm/101');
      const reading = await lab.refusal(queryOf(at(6)), { kind: 'reader' });
      assert.match(`${reading.status} ${reading.body}`, /^400 while reading snapshot 'BackupDir \{ store: /u);
      assert.equal(await first.told('GET', '/previous_backup_time'), `200 ${at(5)}`);
      assert.equal(await other.told('GET', '/previous_backup_time'), '200 null');
      assert.equal(await other.told('GET', '/previous?archive-name=index.json.blob'), '400 no valid previous backup');
    }
    await lab.whenFree();
    await lab.whenFree('vm/101');
    assert.ok(!existsSync(join(lab.store, 'vm/101')));
    assert.deepEqual(readdirSync(join(lab.store, 'vm/100')).sort(), [nameOf(at(5)), 'owner']);
    for (const time of [at(5), at(4)]) {
      const { status, body } = await lab.refusal(queryOf(time));
      assert.deepEqual([status, body], [400, 'backup timestamp is older than last backup.']);
    }
    await using next = await lab.begin(at(6));
    assert.equal(await next.told('GET', '/previous_backup_time'), `200 ${at(5)}`);
  });

  it('of chunks of any length is one after the other', async () => {
    await using lab = await BackupLab.start();
    const [a, b] = [chunkOf('a', 5_000_000), chunkOf('b', 10)];
    await using client = await lab.begin(at(1), 'host/anchor');
    const wid = (await client.expect('POST', '/dynamic_index?archive-name=root.pxar.didx')) as number;
    for (const plain of [a, b]) assert.equal((await client.chunk(wid, plain, 'dynamic')).status, 200);
    assert.equal(
      (
        await client.append(
          wid,
          [
            [sha256(a), 0],
            [sha256(b), a.length],
          ],
          'dynamic',
        )
      ).status,
      200,
    );
    const gap = await client.append(
      wid,
      [
        [sha256(b), a.length + b.length],
        [sha256(b), 1],
      ],
      'dynamic',
    );
    assert.match(`${gap.status} ${String(gap.data)}`, /^400 .*strange chunk offset/u);
    const size = a.length + 2 * b.length;
    const entry = (end: number, plain: Buffer): Buffer => {
      const bytes = Buffer.alloc(40);
      bytes.writeBigUInt64LE(BigInt(end));
      bytes.write(sha256(plain), 8, 'hex');
      return bytes;
    };
    const csum = sha256(entry(a.length, a), entry(a.length + b.length, b), entry(size, b));
    await client.expect('POST', `/dynamic_close?chunk-count=3&csum=${csum}&size=${size}&wid=${wid}`);
    await client.finish([{ filename: 'root.pxar.didx', size, csum }]);
    const index = await (await openDatastore(lab.store)).readIndex(`host/anchor/${nameOf(at(1))}`, 'root.pxar.didx');
    assert.deepEqual(
      [...index.slots()].map(({ digest }) => digest),
      [sha256(a), sha256(b), sha256(b)],
    );
  });
});

describe('what is uploaded', () => {
  it('is checked as far as the server can, in the words of PBS', async () => {
    await using lab = await BackupLab.start();
    await using client = await lab.begin(at(1));
    const wid = (await client.expect('POST', `/fixed_index?archive-name=a.img.fidx&size=${2 * CHUNK}`)) as number;
    const plain = chunkOf('a');
    const blob = Buffer.from(encodeBlob(plain));
    const told = async (body: Uint8Array, change: { digest?: string; encoded?: number; size?: number } = {}) =>
      await client.told(
        'POST',
        chunkPath('fixed', wid, change.digest ?? sha256(plain), change.encoded ?? body.length, change.size ?? CHUNK),
        body,
      );
    assert.match(await told(blob, { encoded: blob.length + 1 }), /^400 got blob with unexpected length/u);
    assert.match(await told(blob, { encoded: blob.length - 1 }), /^400 got blob with unexpected length/u);
    assert.match(await told(blob, { size: CHUNK - 1 }), /^400 the blob holds more than the 4194303 bytes expected/u);
    assert.match(await told(blob, { digest: sha256(chunkOf('b')) }), /^400 got unexpected chunk digest/u);
    assert.match(await told(Buffer.alloc(100)), /^400 not a data blob/u);
    assert.match(await told(blob, { encoded: 16_777_261 }), /^400 parameter verification failed - 'encoded-size': /u);
    assert.match(await told(blob, { size: 16_777_217 }), /^400 parameter verification failed - 'size': /u);
    assert.match(await told(blob, { digest: 'A'.repeat(64) }), /'digest': value does not match the regex pattern/u);
    assert.deepEqual(chunkNames(lab), []);
    blob.writeUInt32LE(0xdead_beef, 8);
    assert.match(await told(blob), /^200 /u);
    const stored = readFileSync(join(lab.store, '.chunks', sha256(plain).slice(0, 4), sha256(plain)));
    assert.ok(stored.equals(Buffer.from(encodeBlob(plain))), 'with the right CRC');
    assert.equal(
      await client.told('POST', `/blob?encoded-size=${blob.length}&file-name=a.blob`, blob),
      '400 Data blob has wrong CRC checksum.',
    );
    assert.match(
      await client.told('POST', `/blob?encoded-size=${blob.length}&file-name=a.img.fidx`, blob),
      /^400 wrong blob file extension/u,
    );
    assert.match(
      await client.told('POST', `/blob?encoded-size=${blob.length}&file-name=..%2Fa.blob`, blob),
      /regex pattern/u,
    );
    const large = chunkOf('l', CHUNK + 1);
    assert.equal(
      String((await client.chunk(wid, large)).data),
      "fixed writer 'a.img.fidx' - got large chunk (4194305 > 4194304",
    );
    assert.ok(chunkNames(lab).includes(sha256(large)), 'it is stored all the same');
    assert.equal((await client.chunk(wid, chunkOf('s', 10))).status, 200);
    assert.equal(
      String((await client.chunk(wid, chunkOf('s', 10))).data),
      "fixed writer '1' - detected multiple end chunks (chunk size too small)",
    );
  });

  it('goes where it belongs or nowhere', async () => {
    await using lab = await BackupLab.start();
    await using client = await lab.begin(at(1));
    const wid = (await client.expect('POST', `/fixed_index?archive-name=a.img.fidx&size=${2 * CHUNK}`)) as number;
    const dynamic = (await client.expect('POST', '/dynamic_index?archive-name=a.pxar.didx')) as number;
    assert.deepEqual([wid, dynamic], [1, 2]);
    const plain = chunkOf('a');
    assert.equal((await client.chunk(wid, plain)).status, 200);
    assert.match(String((await client.chunk(dynamic, plain)).data), /^fixed writer '2' not registered/u);
    assert.match(String((await client.chunk(7, plain)).data), /^fixed writer '7' not registered/u);
    const told = async (...entries: [string, number][]): Promise<string> =>
      String((await client.append(wid, entries)).data);
    assert.equal(await told([sha256(plain), 2 * CHUNK]), `refusing to resize from ${2 * CHUNK} to ${3 * CHUNK}`);
    assert.match(await told([sha256(plain), 1]), /unaligned/u);
    assert.match(await told([sha256(chunkOf('b')), 0]), /no such chunk/u);
    assert.match(await told(['xyz', 0]), /'digest-list\/\[0\]': value does not match/u);
    assert.match(await told([sha256(plain), -1]), /'offset-list\/\[0\]'/u);
    const put = async (body: string, type = 'application/json') => await client.told('PUT', '/fixed_index', body, type);
    assert.match(await put('{"wid":1,"digest-list":[],"offset-list":[0]}'), /^400 offset list has wrong length/u);
    assert.match(await put('{"wid":1,"digest-list":[],"offset-list":[],"x":1}'), /'x': schema does not allow/u);
    assert.match(await put('{"wid":257,"digest-list":[],"offset-list":[]}'), /maximum value of 256/u);
    assert.match(await put('[1]'), /^400 /u);
    assert.match(await put('{', 'text/plain'), /^400 unsupported content type/u);
    assert.match(await put(' '.repeat(600_000)), /^400 request body too large/u);
    const zeros = '0'.repeat(64);
    const close = async (count: number, size: number, csum = zeros): Promise<string> =>
      await client.told('POST', `/fixed_close?chunk-count=${count}&csum=${csum}&size=${size}&wid=1`);
    assert.match(await close(1, 2 * CHUNK), /close failed - received wrong number of chunks/u);
    assert.equal(
      (
        await client.append(wid, [
          [sha256(plain), 0],
          [sha256(plain), CHUNK],
        ])
      ).status,
      200,
    );
    assert.match(await close(2, CHUNK), /close failed - unexpected file size/u);
    assert.equal(await client.told('POST', '/finish'), '400 found open index writer - unable to finish backup');
    assert.match(
      await close(2, 2 * CHUNK),
      /^400 fixed writer 'a\.img\.fidx' close failed - got unexpected checksum$/u,
    );
    assert.match(await close(2, 2 * CHUNK), /already closed/u);
    assert.equal(await client.told('POST', '/finish'), '400 found open index writer - unable to finish backup');
    assert.equal(await client.told('GET', '/nope'), "404 Path '/nope' not found.");
  });

  it('may be an image whose size is not known before', async () => {
    await using lab = await BackupLab.start();
    await using client = await lab.begin(at(1));
    const wid = (await client.expect('POST', `/fixed_index?archive-name=${ARCHIVE}`)) as number;
    const [a, tail] = [chunkOf('a'), chunkOf('t', 100)];
    for (const plain of [a, tail]) assert.equal((await client.chunk(wid, plain)).status, 200);
    assert.equal(
      (
        await client.append(wid, [
          [sha256(a), 0],
          [sha256(tail), CHUNK],
        ])
      ).status,
      200,
    );
    assert.match(String((await client.append(wid, [[sha256(a), 2 * CHUNK]])).data), /^refusing to resize from/u);
    const csum = sha256(Buffer.from(sha256(a) + sha256(tail), 'hex'));
    await client.expect('POST', `/fixed_close?chunk-count=2&csum=${csum}&size=${CHUNK + 100}&wid=${wid}`);
    await client.finish([{ filename: ARCHIVE, size: CHUNK + 100, csum }]);
    assert.ok((await imageOf(lab, at(1))).equals(Buffer.concat([a, tail])));
  });

  it('is bounded in archives and in the size of an image', async () => {
    await using lab = await BackupLab.start();
    await using client = await lab.begin(at(1));
    assert.match(
      await client.told('POST', `/fixed_index?archive-name=a.img.fidx&size=${2 ** 52}`),
      /^400 .*too large/u,
    );
    for (let wid = 2; wid <= 256; wid += 1)
      assert.equal(await client.expect('POST', '/dynamic_index?archive-name=a.pxar.didx'), wid);
    assert.match(await client.told('POST', '/dynamic_index?archive-name=a.pxar.didx'), /^400 too many archives/u);
  });
});

describe('a backup that is over', () => {
  it('takes blobs and tells its time, and nothing else', async () => {
    await using lab = await BackupLab.start();
    await using client = await lab.begin(at(1));
    const csum = await client.image(ARCHIVE, [chunkOf('a')]);
    const entry = { filename: ARCHIVE, size: CHUNK, csum };
    await client.finish([entry]);
    const manifest = readFileSync(join(lab.store, 'vm/100', nameOf(at(1)), 'index.json.blob'));
    for (const [method, path] of [
      ['POST', '/finish'],
      ['POST', `/fixed_index?archive-name=${ARCHIVE}`],
      ['POST', '/dynamic_index?archive-name=a.pxar.didx'],
    ] as const)
      assert.equal(await client.told(method, path), '400 backup already marked as finished.');
    assert.equal((await client.blob('client.log.blob', encodeBlob(Buffer.from('a log')))).status, 200);
    assert.equal((await client.blob('index.json.blob', client.manifest([]))).status, 200);
    assert.equal(await client.told('GET', '/previous_backup_time'), '200 null');
    assert.equal((await client.ask('GET', '/')).status, 200);
    assert.equal(await client.told('POST', '/speedtest', Buffer.alloc(3 * CHUNK)), '200 null');
    await client[Symbol.asyncDispose]();
    const folder = join(lab.store, 'vm/100', nameOf(at(1)));
    await eventually(() => readdirSync(folder).length === 3);
    assert.ok(readFileSync(join(folder, 'index.json.blob')).equals(manifest), 'it is the manifest that was finished');
  });

  it('without a manifest cannot be finished any more', async () => {
    await using lab = await BackupLab.start();
    await using client = await lab.begin(at(1));
    await client.image(ARCHIVE, [chunkOf('a')]);
    assert.match(await client.told('POST', '/finish'), /^400 unable to load manifest blob/u);
    assert.equal((await client.blob('index.json.blob', client.manifest([]))).status, 200);
    assert.equal(await client.told('POST', '/finish'), '400 backup is already in the process of finishing.');
    await client[Symbol.asyncDispose]();
    await eventually(() => !existsSync(join(lab.store, 'vm/100')));
  });
});
