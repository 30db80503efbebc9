import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { MB, MiB } from '../../src/model/units.ts';
import { knownRate, onlyOperation, parseLog } from './logs.ts';

const folder = new URL('../fixtures/golden/client-logs/', import.meta.url);
const golden = (name: string): string => readFileSync(new URL(name, folder), 'utf8');

/** What stands in each file: operations, and of each what was printed, which is held against the text by eye. */
const expected: Readonly<Record<string, readonly (readonly [kind: string, printed: readonly string[]])[]>> = {
  'benchmark.json': [
    [
      'benchmark',
      [
        '2414889774.1380024 B/s',
        '286359203.24152213 B/s',
        '330281968.66551965 B/s',
        '1519122989.3199415 B/s',
        '356134059.27589023 B/s',
        '272140325.9650842 B/s',
      ],
    ],
  ],
  'benchmark.txt': [
    ['benchmark', ['174.00 MB/s', '1536.24 MB/s', '311.59 MB/s', '415.10 MB/s', '2847.67 MB/s', '313.43 MB/s']],
  ],
  'catalog-dump.txt': [],
  'enc.txt': [['backup', ['186.336 MiB/s']]],
  'enc2.txt': [['backup', ['99.676 MiB/s']]],
  'host1.txt': [['backup', ['86.958 MiB/s']]],
  'host2.txt': [
    ['backup', ['244.162 KiB/s']],
    ['backup', ['95.105 MiB/s']],
  ],
  'host3.txt': [
    ['backup', ['2.303 MiB/s']],
    ['backup', ['2.176 MiB/s']],
  ],
  'pbs-restore-library-4gib.txt': [['restore', ['314.21 MiB/s']]],
  'pbs-restore-library-sequential-4gib.txt': [['restore', ['184.10 MiB/s']]],
  'pbs-restore-library.txt': [['restore', ['753.37 MiB/s']]],
  'restore-encrypted.txt': [['restore', ['169.749 MiB/s']]],
  'restore-image.txt': [['restore', ['111.787 MiB/s']]],
  'restore-pxar.txt': [['restore', ['183.52 MiB/s']]],
  'sign.txt': [['backup', ['152.868 MiB/s']]],
  'tail.txt': [
    ['backup', ['53.064 MiB/s']],
    ['backup', ['124.863 MiB/s']],
  ],
  'vm1-1.txt': [['backup', ['107.471 MiB/s']]],
  'vm1-2.txt': [['backup', ['56.468 MiB/s']]],
  'vm1-3.txt': [['backup', ['33.362 MiB/s']]],
  'vm1-4.txt': [['backup', ['26.814 MiB/s']]],
};

await describe('the logs of real programs', async () => {
  test('are all looked at', () => {
    assert.deepEqual(readdirSync(folder).toSorted(), Object.keys(expected).toSorted());
  });

  for (const [name, operations] of Object.entries(expected)) {
    test(`${name}: printed figures come out unchanged in honest units, and none is flagged`, () => {
      const parsed = parseLog(golden(name)).operations;
      assert.deepEqual(
        parsed.map(({ kind, printed }) => [kind, printed.map(({ honestText }) => honestText)]),
        operations,
      );
      for (const { flags } of parsed) assert.deepEqual(flags, []);
    });
  }

  test('of pbs-restore: its MB/s is MiB/s, and what it says of its concurrency is kept', () => {
    const { rates, settings, archive, bytes } = onlyOperation(golden('pbs-restore-library-4gib.txt'));
    const { bytesPerSecond, interval } = knownRate(rates.logical);
    assert.ok(Math.abs(bytesPerSecond / MiB - 314.21) < 0.006);
    assert.ok(interval[0] <= bytesPerSecond && bytesPerSecond <= interval[1]);
    assert.deepEqual(settings, { decodeThreads: 2, inFlight: 4 });
    assert.equal(bytes.logical?.value, 4 * 1024 ** 3);
    assert.equal(archive, undefined);
    for (const name of ['data', 'unique', 'wire'] as const) assert.ok('unavailable' in rates[name]);
  });

  test('of a backup: its average is of what was uploaded, so that the logical rate is another', () => {
    const { rates, bytes, archive } = onlyOperation(golden('vm1-1.txt'));
    assert.equal(archive, 'drive-scsi0.img');
    assert.ok(Math.abs(knownRate(rates.logical).bytesPerSecond / MiB - (107.471 * 48) / 32) < 0.02);
    assert.ok(Math.abs(knownRate(rates.wire).bytesPerSecond / MiB - (107.471 * 8.166) / 32) < 0.01);
    assert.equal(bytes.reused?.value, 16 * MiB);
  });

  test('of the benchmark: text and table are one benchmark, its MB is 10^6, and JSON says the same in bytes', () => {
    const text = onlyOperation(golden('benchmark.txt'));
    assert.deepEqual(
      text.tests.map(({ test: name, rate, shareOfReference }) => [name, rate.value, shareOfReference]),
      [
        ['tls', 174 * MB, 0.14],
        ['sha256', 1536.24 * MB, 0.76],
        ['compress', 311.59 * MB, 0.41],
        ['decompress', 415.1 * MB, 0.35],
        ['aes256_gcm', 2847.67 * MB, 0.78],
        ['verify', 313.43 * MB, 0.41],
      ],
    );
    assert.equal(knownRate(text.rates.wire).bytesPerSecond, 174 * MB);
    const json = onlyOperation(golden('benchmark.json'));
    assert.equal(json.tests.find(({ test: name }) => name === 'tls')?.rate.value, 356134059.27589023);
    const pretty = JSON.stringify(JSON.parse(golden('benchmark.json')), undefined, 2);
    assert.deepEqual(
      onlyOperation(pretty).tests.map(({ rate }) => rate.value),
      json.tests.map(({ rate }) => rate.value),
    );
  });

  test('of the benchmark: an upload speed that its own times contradict is flagged', () => {
    const changed = golden('benchmark.txt').replaceAll('174.00', '204.00');
    assert.deepEqual(
      onlyOperation(changed).flags.map(({ code }) => code),
      ['rate-disagrees', 'rate-disagrees'],
    );
  });
});
