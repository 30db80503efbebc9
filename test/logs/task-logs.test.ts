import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { MiB } from '../../src/model/units.ts';
import { knownRate, onlyOperation, parseLog } from './logs.ts';

const qmrestore = [
  'restore proxmox backup image: /usr/bin/pbs-restore --repository root@pam@192.0.2.10:store vm/100/2025-12-20T05:00:04Z drive-scsi0.img.fidx /dev/pve/vm-100-disk-0 --verbose --format raw --skip-zero',
  "connecting to repository 'root@pam@192.0.2.10:store'",
  'using up to 4 threads',
  'fetching up to 16 chunks in parallel',
  'progress 1% (read 343932928 bytes, zeroes = 0% (0 bytes), duration 3 sec)',
  'progress 50% (read 17179869184 bytes, zeroes = 30% (5153960755 bytes), duration 110 sec)',
  'progress 100% (read 34359738368 bytes, zeroes = 34% (11773411328 bytes), duration 209 sec)',
  'restore image complete (bytes=34359738368, duration=209.74s, speed=156.23MB/s)',
  'rescan volumes...',
];

await describe('a task log', async () => {
  test('of qmrestore tells the data rate by its last progress line', () => {
    const { archive, rates, settings, line } = onlyOperation(qmrestore.join('\n'));
    assert.equal(archive, 'drive-scsi0.img.fidx');
    assert.deepEqual(settings, { decodeThreads: 4, inFlight: 16 });
    assert.equal(line, 8);
    const dataShare = (34359738368 - 11773411328) / 34359738368;
    assert.ok(Math.abs(knownRate(rates.data).bytesPerSecond / MiB - 156.23 * dataShare) < 0.01);
    assert.ok('unavailable' in rates.wire);
  });

  test('that ends before its summary still tells how fast it was, and that it is not the end', () => {
    const { rates, flags } = onlyOperation(qmrestore.slice(0, 6).join('\n'));
    assert.ok(Math.abs(knownRate(rates.logical).bytesPerSecond / (17179869184 / 110) - 1) < 0.01);
    assert.deepEqual(
      flags.map(({ code }) => code),
      ['unfinished'],
    );
  });

  test('of two drives has two restores, of which the one does not borrow from the other', () => {
    const second = [
      'fetching up to 4 chunks in parallel',
      'restore image complete (bytes=1048576, duration=0.50s, speed=2.00MB/s)',
    ];
    const { operations } = parseLog([...qmrestore, ...second].join('\n'));
    assert.deepEqual(
      operations.map(({ archive, settings, bytes }) => [archive, settings.inFlight, bytes.zero?.value]),
      [
        ['drive-scsi0.img.fidx', 16, 11773411328],
        [undefined, 4, undefined],
      ],
    );
  });

  test('of a VMA archive has its duration in the last progress line', () => {
    const { rates, program } = onlyOperation(
      [
        'progress 99% (read 34016854016 bytes, duration 206 sec)',
        'progress 100% (read 34359738368 bytes, duration 209 sec)',
        'total bytes read 34359738368, sparse bytes 11773411328 (34.3%)',
      ].join('\n'),
    );
    assert.equal(program, 'qmrestore');
    assert.ok(Math.abs(knownRate(rates.data).bytesPerSecond / ((34359738368 - 11773411328) / 209) - 1) < 0.01);
  });

  test('of vzdump tells logical and data rate', () => {
    const { rates, flags, bytes } = onlyOperation(
      [
        'INFO:   1% (412.0 MiB of 32.0 GiB) in 3s, read: 137.3 MiB/s, write: 120.0 MiB/s',
        'INFO: 100% (32.0 GiB of 32.0 GiB) in 4m 17s, read: 1.2 GiB/s, write: 0 B/s',
        'INFO: backup is sparse: 12.00 GiB (37%) total zero data',
        'INFO: backup was done incrementally, reused 20.50 GiB (64%)',
        'INFO: transferred 32.00 GiB in 257 seconds (127.5 MiB/s)',
      ].join('\n'),
    );
    assert.deepEqual(flags, []);
    assert.equal(bytes.reused?.value, 20.5 * 1024 ** 3);
    assert.ok(Math.abs(knownRate(rates.data).bytesPerSecond / MiB - (20 * 1024) / 257) < 0.1);
  });

  test('of a verify names the rates of stored and of decoded bytes', () => {
    const { kind, printed, flags, rates } = onlyOperation(
      '2026-03-01T12:00:00+01:00:   verified 3.96/12.00 MiB in 0.06 seconds, speed 63.95/193.78 MiB/s (0 errors)',
    );
    assert.equal(kind, 'verify');
    assert.deepEqual(
      printed.map(({ of, honestText }) => [of, honestText]),
      [
        ['stored', '63.95 MiB/s'],
        ['plain', '193.78 MiB/s'],
      ],
    );
    assert.deepEqual(flags, []);
    assert.ok(Object.values(rates).every((rate) => 'unavailable' in rate));
  });

  test('in which sizes do not add up is flagged', () => {
    const { flags } = onlyOperation(
      [
        'a.img: had to backup 32 MiB of 48 MiB (compressed 8.166 MiB) in 0.30 s (average 107.471 MiB/s)',
        'a.img: backup was done incrementally, reused 20 MiB (33.3%)',
      ].join('\n'),
    );
    assert.deepEqual(
      flags.map(({ code }) => code),
      ['sizes-disagree'],
    );
  });
});
