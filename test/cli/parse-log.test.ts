import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import type { ParsedLog } from '../../src/logs/logged-operation.ts';
import { exitCodes } from '../../src/model/errors.ts';
import { Workbench } from '../e2e/workbench.ts';

const golden = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/golden/client-logs/${name}`, import.meta.url));

const summary = 'restore image complete (bytes=4294967296, duration=13.04s, speed=314.21MB/s)';

await describe('restorelab parse-log', async () => {
  let bench: Workbench;
  before(async () => {
    bench = await Workbench.open();
  });
  after(async () => await bench[Symbol.asyncDispose]());

  test('prints the four rates, and what was printed with the unit that it really is in', async () => {
    const { exitCode, stdout } = await bench.command(['parse-log', golden('pbs-restore-library-4gib.txt')]);
    assert.equal(exitCode, exitCodes.fine);
    assert.equal(
      stdout,
      [
        'line 3: restore by pbs-restore or its library, 4 in flight, 2 threads',
        '  told     4294967296 bytes logical, in 13.04s',
        '  printed  314.21 MiB/s (logical, labelled 314.21MB/s)',
        '  logical  329.47 MB/s (329.47 MB/s to 329.48 MB/s), all bytes, zeros included / duration',
        '  data     unknown: the log does not say how many of the bytes were zeros',
        '  unique   unknown: the log does not say which chunks repeat',
        '  wire     unknown: the log does not say how many bytes crossed the link',
        '',
      ].join('\n'),
    );
  });

  test('reads standard input, and prints JSON that holds the intervals', async () => {
    const { exitCode, stdout } = await bench.command(['parse-log', '-', '--json'], {
      stdin: [`> ${summary.slice(0, 50)}`, Buffer.from(`${summary.slice(50)}\r\n`)],
    });
    assert.equal(exitCode, exitCodes.fine);
    const printed = JSON.parse(stdout) as ParsedLog & { formatVersion: number; source: string };
    assert.equal(printed.formatVersion, 1);
    assert.equal(printed.source, '-');
    assert.equal(printed.operations[0]?.bytes.logical?.value, 4294967296);
    assert.deepEqual(printed.operations[0]?.flags, []);
  });

  test('flags a line whose figures do not fit together, and still ends well', async () => {
    const file = join(bench.folder, 'wrong.log');
    await writeFile(file, summary.replace('314.21', '341.21'));
    const { exitCode, stdout } = await bench.command(['parse-log', 'wrong.log']);
    assert.equal(exitCode, exitCodes.fine);
    assert.match(stdout, /FLAGGED: 341\.21 MiB\/s is printed, but 4294967296 bytes in 13\.04s are 313\.99 to 314\.23/u);
  });

  for (const [what, args, words] of [
    ['a file without figures', [golden('catalog-dump.txt')], /holds no figures/u],
    ['empty standard input', ['-'], /standard input holds no figures/u],
    ['a file that is not there', ['nowhere.log'], /nowhere\.log does not exist/u],
    ['a folder', ['.'], /is a folder/u],
  ] as const) {
    test(`ends with 2 for ${what}`, async () => {
      const { exitCode, stdout, stderr } = await bench.command(['parse-log', ...args]);
      assert.equal(exitCode, exitCodes.usage);
      assert.equal(stdout, '');
      assert.match(stderr, words);
    });
  }
});
