import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import * as fc from 'fast-check';

import { UsageError } from '../../../src/model/errors.ts';
import { archiveKind, serverArchiveName } from '../../../src/pbs/format/archive-name.ts';
import { findArchive } from '../../../src/pbs/format/find-archive.ts';
import type { Manifest } from '../../../src/pbs/format/manifest.ts';
import {
  compareSnapshots,
  formatBackupTime,
  formatSnapshotPath,
  parseBackupTime,
  parseSnapshotPath,
} from '../../../src/pbs/format/snapshot-path.ts';

const withCode = (code: string) => (error: unknown) => error instanceof UsageError && error.code === code;

describe('a snapshot path', () => {
  it('is read and written as in spec 1.4', () => {
    const snapshot = parseSnapshotPath('vm/100/2025-08-12T10:00:00Z');
    assert.deepEqual(snapshot, { type: 'vm', id: '100', time: 1_754_992_800 });
    assert.equal(formatSnapshotPath(snapshot), 'vm/100/2025-08-12T10:00:00Z');
  });

  it('holds for all times that its form can write', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 253_402_300_799 }), (time) => {
        assert.equal(parseBackupTime(formatBackupTime(time)), time);
      }),
    );
  });

  for (const text of [
    '',
    'vm/100',
    'vm/100/',
    'vm//2025-08-12T10:00:00Z',
    'qemu/100/2025-08-12T10:00:00Z',
    'toString/100/2025-08-12T10:00:00Z',
    'vm/../2025-08-12T10:00:00Z',
    'vm/.hidden/2025-08-12T10:00:00Z',
    `vm/${'1'.repeat(256)}/2025-08-12T10:00:00Z`,
    'vm/100/2025-08-12T10:00:00Z/x',
    '/vm/100/2025-08-12T10:00:00Z',
    'vm/100/2025-08-12T10:00:00+00:00',
    'vm/100/2025-08-12T10:00:00.000Z',
    'vm/100/2025-08-12t10:00:00z',
    'vm/100/2025-02-30T10:00:00Z',
    'vm/100/2025-08-12T24:00:00Z',
    'vm/100/1970-01-01T00:00:00Z',
    'vm/100/1969-08-12T10:00:00Z',
    'vm/100/2025-08-12T10:00:00Z\n',
  ]) {
    it(`is refused as ${JSON.stringify(text.slice(0, 50))}`, () =>
      assert.throws(() => parseSnapshotPath(text), UsageError));
  }

  it('cannot be of a time that is none', () => {
    for (const time of [0, -1, 1.5, Number.NaN, 253_402_300_800]) {
      assert.throws(() => formatBackupTime(time), withCode('backup-time'));
    }
  });

  it('sorts by type, numeric ids, other ids, time', () => {
    const sorted = [
      'ct/9/2025-08-12T10:00:00Z',
      'host/a/2025-08-12T10:00:00Z',
      'vm/9/2025-08-12T10:00:00Z',
      'vm/100/2025-08-12T10:00:00Z',
      'vm/100/2025-08-13T10:00:00Z',
      'vm/18446744073709551615/2025-08-12T10:00:00Z',
      'vm/18446744073709551616/2025-08-12T10:00:00Z',
      'vm/2a/2025-08-12T10:00:00Z',
      'vm/B/2025-08-12T10:00:00Z',
      'vm/a/2025-08-12T10:00:00Z',
    ];
    const shuffled = fc.shuffledSubarray(sorted, { minLength: sorted.length });
    fc.assert(
      fc.property(shuffled, (paths) => {
        assert.deepEqual(paths.map(parseSnapshotPath).sort(compareSnapshots).map(formatSnapshotPath), sorted);
      }),
    );
  });
});

describe('an archive name', () => {
  const names: readonly (readonly [string, string, string])[] = [
    ['drive-scsi0.img', 'drive-scsi0.img.fidx', 'fixed'],
    ['drive-scsi0.img.fidx', 'drive-scsi0.img.fidx', 'fixed'],
    ['root.pxar', 'root.pxar.didx', 'dynamic'],
    ['root.mpxar', 'root.mpxar.didx', 'dynamic'],
    ['catalog.pcat1', 'catalog.pcat1.didx', 'dynamic'],
    ['qemu-server.conf', 'qemu-server.conf.blob', 'blob'],
    ['index.json', 'index.json.blob', 'blob'],
    ['rsa-encrypted.key', 'rsa-encrypted.key.blob', 'blob'],
    ['client.log', 'client.log.blob', 'blob'],
  ];
  for (const [client, server, kind] of names) {
    it(`${client} is ${server} on the server`, () => {
      assert.equal(serverArchiveName(client), server);
      assert.equal(archiveKind(server), kind);
    });
  }

  for (const name of [
    '',
    'drive-scsi0',
    'a.txt',
    '../a.img',
    'a/b.img.fidx',
    '.img',
    'a.toString',
    `${'a'.repeat(255)}.img`,
    'a.img\n',
  ]) {
    it(`is refused as ${JSON.stringify(name.slice(0, 40))}`, () => {
      assert.throws(() => serverArchiveName(name), withCode('archive-name'));
      assert.equal(archiveKind(name), undefined);
    });
  }
});

describe('an archive of a manifest', () => {
  const found = (name: string, ...filenames: string[]): readonly (string | undefined)[] => {
    const manifest: Manifest = {
      snapshot: { type: 'host', id: 'a', time: 1 },
      files: filenames.map((filename) => ({ filename, cryptMode: 'none', size: 1, csum: '0'.repeat(64) })),
      unprotected: {},
    };
    const { file, otherHalf } = findArchive(manifest, name);
    return [file.filename, otherHalf?.filename];
  };
  const split = ['root.mpxar.didx', 'root.ppxar.didx', 'etc.pxar.didx', 'a.img.fidx'];

  it('is found with and without its suffix', () => {
    assert.deepEqual(found('a.img', ...split), ['a.img.fidx', undefined]);
    assert.deepEqual(found('a.img.fidx', ...split), ['a.img.fidx', undefined]);
    assert.deepEqual(found('etc.pxar', ...split), ['etc.pxar.didx', undefined]);
  });

  it('is both halves where it was split, the one that is named first', () => {
    for (const name of ['root.pxar', 'root.pxar.didx', 'root.mpxar']) {
      assert.deepEqual(found(name, ...split), ['root.mpxar.didx', 'root.ppxar.didx'], name);
    }
    assert.deepEqual(found('root.ppxar', ...split), ['root.ppxar.didx', 'root.mpxar.didx']);
    assert.deepEqual(found('root.pxar', ...split, 'root.pxar.didx'), ['root.pxar.didx', undefined]);
    assert.deepEqual(found('root.mpxar', 'root.mpxar.didx'), ['root.mpxar.didx', undefined], 'only one half is there');
    assert.throws(() => found('root.pxar', 'root.mpxar.didx'), withCode('archive-not-found'));
    assert.throws(() => found('root.pxar', 'root.ppxar.didx'), withCode('archive-not-found'));
  });

  it('is found without its extension where only one file is meant', () => {
    const files = ['drive-scsi0.img.fidx', 'drive-scsi01.img.fidx', 'qemu-server.conf.blob', ...split];
    assert.equal(found('drive-scsi0', ...files)[0], 'drive-scsi0.img.fidx');
    assert.equal(found('qemu-server', ...files)[0], 'qemu-server.conf.blob');
    assert.throws(() => found('root', ...files), withCode('archive-ambiguous'));
    assert.throws(() => found('drive', ...files), withCode('archive-not-found'));
    assert.throws(() => found('../drive-scsi0', ...files), withCode('archive-name'));
  });

  it('is missed by its own name', () => {
    assert.throws(
      () => found('usr.pxar', ...split),
      (error: unknown) => {
        return withCode('archive-not-found')(error) && /usr\.pxar\.didx/u.test((error as Error).message);
      },
    );
  });
});
