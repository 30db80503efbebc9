import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { KnownError } from '../../../src/model/errors.ts';
import { SnapshotFiles, type SnapshotFilesOptions } from '../../../src/pbs/client/snapshot-files.ts';
import { CryptConfig } from '../../../src/pbs/format/crypt-config.ts';
import { encodeManifest, parseManifest } from '../../../src/pbs/format/manifest.ts';
import { expected, goldenKey, goldenStore } from '../datastore/golden.ts';

const { signal } = new AbortController();
const plain = 'vm/100/2026-02-16T16:30:44Z';
const encrypted = 'vm/200/2026-02-13T17:26:40Z';
const signed = 'vm/300/2026-02-13T18:26:40Z';
const split = 'host/anchor-md/2026-02-14T19:28:20Z';

interface Golden {
  readonly crypt?: CryptConfig | undefined;
  /** Files to hand out instead of the golden ones. */
  readonly replaced?: Readonly<Record<string, Uint8Array>>;
}

/** The files of a golden snapshot, and what was downloaded of them. */
function golden(snapshot: string, { crypt, replaced = {} }: Golden = {}): { files: SnapshotFiles; asked: string[] } {
  const asked: string[] = [];
  const download: SnapshotFilesOptions['download'] = async (name) => {
    asked.push(name);
    return replaced[name] ?? (await readFile(join(goldenStore, snapshot, name)));
  };
  return { files: new SnapshotFiles({ snapshot, download, ...(crypt === undefined ? {} : { crypt }) }), asked };
}

const read = async (snapshot: string, name: string): Promise<Buffer> =>
  await readFile(join(goldenStore, snapshot, name));

const codeOf =
  (code: string, exitCode: number) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof KnownError, String(error));
    assert.deepEqual([error.code, error.exitCode], [code, exitCode], error.message);
    return true;
  };

test('every file of every golden snapshot is read and fits its manifest', async () => {
  for (const [snapshot, { files }] of Object.entries(expected.snapshots)) {
    const { files: downloaded } = golden(snapshot, { crypt: await goldenKey(snapshot) });
    for (const [name, facts] of Object.entries(files)) {
      if (name.endsWith('.blob')) {
        const { bytes, warnings } = await downloaded.blob(name, signal);
        const digest = facts.original?.sha256 ?? facts.payload_sha256;
        assert.equal(hash('sha256', bytes, 'hex'), digest, `${snapshot} ${name}`);
        assert.deepEqual(warnings, []);
      } else {
        const { index, crypt, file } = await downloaded.index(name, signal);
        assert.deepEqual([index.size, index.csum, index.slotCount], [facts.size, facts.csum, facts.chunk_count], name);
        assert.equal(crypt !== undefined, facts['crypt-mode'] === 'encrypt');
        assert.equal(file.cryptMode, facts['crypt-mode']);
      }
    }
  }
});

test('the manifest is downloaded once, and first', async () => {
  const { files, asked } = golden(plain);
  await files.image('drive-scsi0.img', signal);
  await files.index('drive-scsi0.img', signal);
  await files.blob('qemu-server.conf', signal);
  const index = 'drive-scsi0.img.fidx';
  assert.deepEqual(asked, ['index.json.blob', index, index, 'qemu-server.conf.blob']);
});

test('a split archive is found by its whole name', async () => {
  const { file } = await golden(split).files.index('root.pxar', signal);
  assert.equal(file.filename, 'root.mpxar.didx');
});

test('without the key: encrypted archives can be looked at, not restored; a signature is not checked', async () => {
  const { files } = golden(encrypted);
  const { index, crypt, warnings } = await files.index('drive-scsi0.img', signal);
  assert.deepEqual([[...index.slots()].some(({ isZero }) => isZero), crypt], [false, undefined]);
  assert.match(warnings.join(), /signature was not verified/u);
  await assert.rejects(files.image('drive-scsi0.img', signal), codeOf('key-missing', 2));
  await assert.rejects(files.blob('qemu-server.conf', signal), codeOf('key-missing', 2));
  assert.match((await golden(signed).files.blob('qemu-server.conf', signal)).warnings.join(), /not verified/u);
});

test('a key: its signature must match, another key is told from damage, no signature is a warning', async () => {
  const crypt = await goldenKey(signed);
  assert.deepEqual((await golden(signed, { crypt }).files.manifest(signal)).warnings, []);
  const { warnings } = await golden(plain, { crypt }).files.manifest(signal);
  assert.match(warnings.join(), /not signed/u);

  const other = new CryptConfig(new Uint8Array(32));
  for (const snapshot of [signed, encrypted])
    await assert.rejects(golden(snapshot, { crypt: other }).files.manifest(signal), codeOf('wrong-key', 2));

  const manifest = parseManifest(await read(signed, 'index.json.blob'));
  const [first, ...rest] = manifest.files;
  const changed = encodeManifest({ ...manifest, files: [{ ...first!, size: first!.size + 1 }, ...rest] });
  const { files } = golden(signed, { crypt, replaced: { 'index.json.blob': changed } });
  await assert.rejects(files.image('drive-scsi0.img', signal), codeOf('manifest-signature', 1));
});

test('a file that is not the one of the manifest is damage', async () => {
  const blob = await read(plain, 'qemu-server.conf.blob');
  const flipped = Buffer.from(blob);
  flipped[20]! ^= 1;
  for (const [name, bytes, code] of [
    ['qemu-server.conf.blob', flipped, 'manifest-csum'],
    ['qemu-server.conf.blob', blob.subarray(0, -1), 'manifest-size'],
    ['drive-scsi0.img.fidx', await read('vm/100/2026-02-13T16:27:41Z', 'drive-scsi0.img.fidx'), 'manifest-csum'],
    ['index.json.blob', await read(signed, 'index.json.blob'), 'manifest-snapshot'],
  ] as const) {
    const { files } = golden(plain, { replaced: { [name]: bytes } });
    const reading = name.endsWith('.fidx') ? files.index(name, signal) : files.blob('qemu-server.conf', signal);
    await assert.rejects(reading, codeOf(code, 1));
  }
});

test('names: absent ones, wrong kinds, and paths are refused before a download', async () => {
  const { files, asked } = golden(plain);
  await assert.rejects(files.index('drive-scsi9.img', signal), codeOf('archive-not-found', 2));
  await assert.rejects(files.index('qemu-server.conf', signal), codeOf('not-an-index', 2));
  await assert.rejects(files.image('qemu-server.conf', signal), codeOf('archive-not-image', 2));
  await assert.rejects(files.blob('drive-scsi0.img', signal), codeOf('not-a-blob', 2));
  for (const path of [
    '../drive-scsi0.img',
    '/etc/passwd',
    'a/b.img',
    '..',
    '.blob',
    '.hidden.blob',
    'x.blob?y=1.blob',
  ]) {
    await assert.rejects(files.index(path, signal), codeOf('archive-name', 2), path);
    await assert.rejects(files.blob(path, signal), codeOf('archive-name', 2), path);
  }
  assert.deepEqual(asked, ['index.json.blob']);
});
