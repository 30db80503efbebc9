import assert from 'node:assert/strict';
import { appendFile, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { formatJournalEntry } from '../../src/journal/journal-format.ts';
import { exitCodes } from '../../src/model/errors.ts';
import { parseFixedIndex } from '../../src/pbs/format/fixed-index.ts';
import { copyOfGolden, expected, goldenFolder, goldenStore } from '../pbs/datastore/golden.ts';
import { chunkFile, digestsOf } from '../pbs/server/golden-server.ts';
import { PASSWORD, RestoreBench } from './restore-bench.ts';

const IMAGE = ['vm/100/2026-02-16T16:30:44Z', 'drive-scsi0.img'] as const;
const imageFacts = expected.snapshots[IMAGE[0]]?.files[`${IMAGE[1]}.fidx`];
const zeroBytes = (imageFacts?.zero_chunk_count ?? 0) * (imageFacts?.chunk_size ?? 0);
/** What a file system counts beside the data where it had to write a file in many pieces; far less than a chunk. */
const MAP_BYTES = 256 * 1024;
const PASSPHRASE = 'anchor-key-pw';
/** Starting threads takes longer than decoding what there is. */
const fewThreads = ['--decode-threads', '1'];

await describe('restore', async () => {
  let bench: RestoreBench;
  let number = 0;
  before(async () => {
    bench = await RestoreBench.open(goldenStore);
  });
  after(async () => await bench[Symbol.asyncDispose]());

  const newTarget = (): string => `target-${(number += 1)}`;

  // One of each kind: all archives of the golden store are restored through both transports elsewhere.
  const kinds = [
    'vm/100/2026-02-16',
    'vm/200/2026-02-15',
    'vm/300',
    'vm/400',
    'host/anchor-md/2026-02-14',
    'host/anchor-enc',
  ];
  for (const [snapshot, { files, keyfile }] of Object.entries(expected.snapshots)) {
    if (!kinds.some((kind) => snapshot.startsWith(kind))) continue;
    const key = keyfile === undefined ? [] : ['--keyfile', join(goldenFolder, keyfile)];
    for (const [archive, facts] of Object.entries(files)) {
      test(`${archive} of ${snapshot} comes out as it went in`, async () => {
        const target = newTarget();
        bench.workbench.env['PBS_ENCRYPTION_PASSWORD'] = PASSPHRASE;
        const { exitCode, stderr, stdout } = await bench.restore(snapshot, archive, target, ...key, ...fewThreads);
        assert.equal(exitCode, exitCodes.fine, stderr);
        const sha256 = facts.original?.sha256 ?? facts.stream_sha256 ?? facts.payload_sha256;
        if (sha256 === undefined) assert.equal((await stat(bench.path(target))).size, facts.size);
        else assert.equal(await bench.sha256(target), sha256);
        assert.deepEqual(await bench.files(target), [target], 'nothing is left beside it');
        if (archive.endsWith('idx')) {
          assert.match(stdout, /^Restored .* every chunk verified\nlogical .*, data .*, unique .*, wire .*\n$/u);
        }
      });
    }
  }

  for (const strategy of ['sequential', 'concurrent', 'window-ordered', 'multi-connection', 'adaptive']) {
    test(`${strategy} restores the same bytes`, async () => {
      const target = newTarget();
      const { exitCode, stderr } = await bench.restore(...IMAGE, target, '--strategy', strategy, ...fewThreads);
      assert.equal(exitCode, exitCodes.fine, stderr);
      assert.equal(await bench.sha256(target), imageFacts?.original?.sha256);
    });
  }

  test('a name without extension is enough, and only its owner may read what comes out', async () => {
    for (const name of ['drive-scsi0', 'qemu-server']) {
      const target = newTarget();
      const { exitCode, stderr } = await bench.restore(IMAGE[0], name, target, ...fewThreads);
      assert.equal(exitCode, exitCodes.fine, stderr);
      if (name === 'drive-scsi0') assert.equal(await bench.sha256(target), imageFacts?.original?.sha256);
      assert.equal((await stat(bench.path(target))).mode & 0o777, 0o600);
    }
  });

  test('zero chunks take no space', async () => {
    const target = newTarget();
    await bench.restore(...IMAGE, target);
    const { size, blocks } = await stat(bench.path(target));
    assert.ok(blocks * 512 <= size - zeroBytes + MAP_BYTES, `${blocks * 512} of ${size} bytes`);
  });

  test('the knobs of the strategy are options, and wrong ones are refused by name', async () => {
    const target = newTarget();
    const knobs = ['--in-flight', '3', '--decode-threads', '1', '--buffer', '16 MiB', '--writers', '2'];
    const { exitCode, stderr } = await bench.restore(...IMAGE, target, ...knobs);
    assert.equal(exitCode, exitCodes.fine, stderr);
    for (const [option, value] of [
      ['--in-flight', '0'],
      ['--in-flight', 'many'],
      ['--buffer', '3 parsecs'],
      ['--connections', '2'],
    ] as const) {
      const refused = await bench.restore(...IMAGE, newTarget(), option, value);
      assert.equal(refused.exitCode, exitCodes.usage);
      assert.match(refused.stderr, new RegExp(`^restorelab: ${option}: .*\nhint: `, 'u'));
    }
  });

  const wrong: readonly (readonly [name: string, args: readonly string[], exitCode: number, said: RegExp])[] = [
    ['a snapshot that is not there', ['vm/100/2020-01-01T00:00:00Z', IMAGE[1]], 2, /there is no snapshot .*2020/u],
    ['a snapshot that is a path', ['../../etc/passwd', IMAGE[1]], 2, /\.\.\/\.\.\/etc\/passwd/u],
    ['an archive that is not there', [IMAGE[0], 'drive-ide7.img'], 2, /no archive drive-ide7\.img\.fidx[^]*it has .*drive-scsi0/u],
    ['an archive that is a path', [IMAGE[0], '../../../etc/passwd.img'], 2, /not the name of an archive/u],
    ['an archive that was split', ['host/anchor-md/2026-02-14T19:28:20Z', 'root.pxar'], 2, /split[^]*root\.mpxar\.didx.*root\.ppxar\.didx/u],
    ['an encrypted image without its key', ['vm/200/2026-02-14T17:26:40Z', IMAGE[1]], 2, /encrypted.* no key was given\nhint: .*--keyfile/u],
    ['a key that is another one', ['vm/200/2026-02-14T17:26:40Z', IMAGE[1], '--keyfile', join(goldenFolder, 'key-pbkdf2.json')], 2, /not the one of this backup/u],
    ['a key that is not there', ['vm/200/2026-02-14T17:26:40Z', IMAGE[1], '--keyfile', 'nothing.json'], 2, /no encryption key/u],
    ['a namespace that is not there', [...IMAGE, '--ns', 'nowhere'], 2, /nowhere/u],
    ['a datastore that is not there', [...IMAGE, '--repository', 'REPOSITORY:other'], 2, /other/u],
  ]; // prettier-ignore
  for (const [name, args, exitCode, said] of wrong) {
    test(`${name} is refused, and nothing is left`, async () => {
      const target = newTarget();
      bench.workbench.env['PBS_ENCRYPTION_PASSWORD'] = PASSPHRASE;
      const repository = `bench@pbs@127.0.0.1:${bench.server.port}`;
      const [snapshot = '', archive = '', ...options] = args.map((arg) => arg.replace('REPOSITORY', repository));
      const result = await bench.restore(snapshot, archive, target, ...options);
      assert.match(result.stderr, said);
      assert.equal(result.exitCode, exitCode, result.stderr);
      assert.deepEqual(await bench.files(target), []);
    });
  }

  test('a wrong passphrase, password or fingerprint is told apart, and none is printed', async () => {
    const env = { ...bench.workbench.env };
    const key = ['--keyfile', join(goldenFolder, 'key-scrypt.json')];
    try {
      for (const [changed, exitCode, said] of [
        [
          { PBS_ENCRYPTION_PASSWORD: 'not-the-passphrase' },
          exitCodes.usage,
          /password does not open the encryption key/u,
        ],
        [{ PBS_PASSWORD: 'not-the-password' }, exitCodes.server, /does not accept/u],
        [{ PBS_FINGERPRINT: '00:'.repeat(31) + '00' }, exitCodes.server, /expected fingerprint 00.* seen/u],
      ] as const) {
        Object.assign(bench.workbench.env, env, changed);
        const target = newTarget();
        const result = await bench.restore('host/anchor-enc/2026-02-15T21:13:20Z', 'etc.pxar', target, ...key);
        assert.match(result.stderr, said);
        assert.equal(result.exitCode, exitCode);
        assert.deepEqual(await bench.files(target), []);
        for (const secret of ['not-the-passphrase', 'not-the-password', PASSWORD])
          assert.ok(!(result.stderr + result.stdout).includes(secret));
      }
    } finally {
      Object.assign(bench.workbench.env, env);
    }
  });

  test('a target that exists, be it empty or a folder, is not touched', async () => {
    const target = newTarget();
    await writeFile(bench.path(target), 'precious');
    for (const [existing, says, ...more] of [
      [target, /exists already/u],
      [target, /exists already\nhint: .*never a finished file/u, '--restart'],
      ['.', /is a folder/u],
      ['/dev/full', /is a character device/u],
    ] as const) {
      const { exitCode, stderr } = await bench.restore(...IMAGE, existing, ...more);
      assert.equal(exitCode, exitCodes.usage);
      assert.match(stderr, says);
    }
    assert.equal(await readFile(bench.path(target), 'utf8'), 'precious');
    assert.deepEqual(await bench.files(target), [target]);
  });

  test('a partial file that is not ours is not touched, unless it is to be discarded', async () => {
    const target = newTarget();
    await writeFile(bench.path(`${target}.partial`), 'precious');
    const refused = await bench.restore(...IMAGE, target);
    assert.equal(refused.exitCode, exitCodes.usage);
    assert.match(refused.stderr, /no journal[^]*--restart/u);
    assert.equal(await readFile(bench.path(`${target}.partial`), 'utf8'), 'precious');
    assert.equal((await bench.restore(...IMAGE, target, '--restart')).exitCode, exitCodes.fine);
    assert.equal(await bench.sha256(target), imageFacts?.original?.sha256);
  });

  test('what stands in the place of the partial file and is none is not written to', async () => {
    const target = newTarget();
    const journal = bench.path(`${target}.partial.journal`);
    const elsewhere = bench.path('elsewhere');
    await writeFile(elsewhere, 'precious');
    await symlink(elsewhere, bench.path(`${target}.partial`));
    await writeFile(journal, '');
    const linked = await bench.restore(...IMAGE, target);
    assert.equal(linked.exitCode, exitCodes.usage);
    assert.match(linked.stderr, /\.partial.* is not a file\nhint: /u);
    assert.equal(await readFile(elsewhere, 'utf8'), 'precious');
    await rm(bench.path(`${target}.partial`));
    await rm(journal);
    await mkdir(journal);
    const blocked = await bench.restore(...IMAGE, target, '--restart');
    assert.equal(blocked.exitCode, exitCodes.machine);
    assert.match(blocked.stderr, /\.journal: EISDIR.*\nhint: /u);
  });

  test('strategies that write out of order are refused for standard output', async () => {
    for (const strategy of ['window-unordered', 'concurrent', 'multi-connection', 'adaptive']) {
      const { exitCode, stderr } = await bench.restore(...IMAGE, '-', '--strategy', strategy);
      assert.equal(exitCode, exitCodes.usage);
      assert.match(stderr, /in order[^]*sequential or window-ordered/u);
    }
  });
});

await describe('a restore that is broken off', async () => {
  /** The chunk that the image needs last. */
  const damaged = digestsOf(join(IMAGE[0], `${IMAGE[1]}.fidx`)).at(-1) ?? '';

  /** Where the image has a chunk of zeros. */
  async function zeroSlot(): Promise<number> {
    const index = parseFixedIndex(await readFile(join(goldenStore, IMAGE[0], `${IMAGE[1]}.fidx`)));
    return [...index.slots()].find(({ isZero }) => isZero)?.offset ?? assert.fail('the image has no zeros');
  }

  /** A server of a copy of the golden images in which a chunk is missing, and a restore that has met it. */
  async function brokenOff(use: (bench: RestoreBench, repair: () => Promise<void>) => Promise<void>): Promise<void> {
    await using store = await copyOfGolden(['vm', '.chunks']);
    await using bench = await RestoreBench.open(store.path);
    const chunk = chunkFile(damaged, store.path);
    await rm(chunk);
    const { exitCode, stderr } = await bench.restore(...IMAGE, 'disk.img', '--strategy', 'sequential');
    assert.equal(exitCode, exitCodes.failed);
    assert.match(stderr, new RegExp(`chunk ${damaged} is missing`, 'u'));
    assert.match(
      stderr,
      /disk\.img\.partial has .* of 48 MiB\nhint: once the damage is repaired, the same command goes on/u,
    );
    assert.deepEqual(await bench.files('disk'), ['disk.img.partial', 'disk.img.partial.journal']);
    await use(bench, async () => await writeFile(chunk, await readFile(chunkFile(damaged))));
  }

  test('by a chunk that is missing goes on where it was, when it is there again', async () => {
    await brokenOff(async (bench, repair) => {
      await repair();
      bench.server.resetCounters();
      const { exitCode, stderr, stdout } = await bench.restore(...IMAGE, 'disk.img');
      assert.equal(exitCode, exitCodes.fine, stderr);
      assert.match(stderr, /Going on: .* are there and verified/u);
      assert.match(stdout, /had been there/u);
      assert.equal(await bench.sha256('disk.img'), imageFacts?.original?.sha256);
      assert.deepEqual(await bench.files('disk'), ['disk.img']);
      assert.equal(bench.server.counters().reads, 1, 'only the chunk that was missing is fetched');
      const { size, blocks } = await stat(bench.path('disk.img'));
      assert.ok(blocks * 512 <= size - zeroBytes + MAP_BYTES, 'zeros still take no space');
    });
  });

  test('finds bytes that were changed meanwhile, in data and in zeros, and a tail that was cut', async () => {
    await brokenOff(async (bench, repair) => {
      await repair();
      const partial = bench.path('disk.img.partial');
      const bytes = await readFile(partial);
      for (const offset of [5, (await zeroSlot()) + 77]) bytes[offset] = (bytes[offset] ?? 0) ^ 1;
      await writeFile(partial, bytes.subarray(0, bytes.length - 1000));
      const { exitCode, stderr } = await bench.restore(...IMAGE, 'disk.img');
      assert.equal(exitCode, exitCodes.fine, stderr);
      assert.match(stderr, /warning: 4 MiB that had been restored/u);
      assert.equal(await bench.sha256('disk.img'), imageFacts?.original?.sha256);
    });
  });

  test('is not taken for that of another snapshot, and can be discarded', async () => {
    await brokenOff(async (bench, repair) => {
      await repair();
      const other = ['vm/100/2026-02-15T16:29:43Z', IMAGE[1], 'disk.img'] as const;
      const refused = await bench.restore(...other);
      assert.equal(refused.exitCode, exitCodes.usage);
      assert.match(refused.stderr, /16:30:44Z, not .*16:29:43Z[^]*--restart/u);
      const { exitCode, stderr } = await bench.restore(...other, '--restart');
      assert.equal(exitCode, exitCodes.fine, stderr);
      assert.doesNotMatch(stderr, /Going on/u);
      const facts = expected.snapshots[other[0]]?.files['drive-scsi0.img.fidx'];
      assert.equal(await bench.sha256('disk.img'), facts?.original?.sha256);
    });
  });

  test('that had come to the end before it was killed has nothing left to fetch', async () => {
    await brokenOff(async (bench, repair) => {
      await repair();
      assert.equal((await bench.restore(...IMAGE, 'whole.img')).exitCode, exitCodes.fine);
      await rename(bench.path('whole.img'), bench.path('disk.img.partial'));
      const all = formatJournalEntry({ restored: [[0, imageFacts?.size ?? 0]] });
      await appendFile(bench.path('disk.img.partial.journal'), all);
      const { exitCode, stdout } = await bench.restore(...IMAGE, 'disk.img');
      assert.equal(exitCode, exitCodes.fine);
      assert.match(stdout, /48 MiB had been there[^]*\nNothing was left to restore\n$/u);
      assert.equal(await bench.sha256('disk.img'), imageFacts?.original?.sha256);
    });
  });

  test('is forgotten when its file is gone, as after a kill at the very end', async () => {
    await brokenOff(async (bench, repair) => {
      await repair();
      await rm(bench.path('disk.img.partial'));
      const other = 'vm/100/2026-02-15T16:29:43Z';
      const { exitCode, stderr } = await bench.restore(other, IMAGE[1], 'disk.img');
      assert.equal(exitCode, exitCodes.fine, stderr);
      assert.doesNotMatch(stderr, /Going on|fetched again/u);
      const facts = expected.snapshots[other]?.files['drive-scsi0.img.fidx'];
      assert.equal(await bench.sha256('disk.img'), facts?.original?.sha256);
      assert.deepEqual(await bench.files('disk'), ['disk.img']);
    });
  });

  test('is not overwritten by the restore of a blob to the same target, unless it is to be discarded', async () => {
    await brokenOff(async (bench) => {
      const journal = await readFile(bench.path('disk.img.partial.journal'));
      const refused = await bench.restore(IMAGE[0], 'qemu-server.conf', 'disk.img');
      assert.equal(refused.exitCode, exitCodes.usage);
      assert.match(refused.stderr, /is drive-scsi0\.img\.fidx .*, not qemu-server\.conf\.blob[^]*--restart/u);
      assert.equal((await stat(bench.path('disk.img.partial'))).size, imageFacts?.size);
      assert.deepEqual(await readFile(bench.path('disk.img.partial.journal')), journal);
      const { exitCode, stderr } = await bench.restore(IMAGE[0], 'qemu-server.conf', 'disk.img', '--restart');
      assert.equal(exitCode, exitCodes.fine, stderr);
      assert.deepEqual(await bench.files('disk'), ['disk.img']);
      assert.match(await readFile(bench.path('disk.img'), 'utf8'), /^scsi0: /mu);
    });
  });

  test('of an encrypted image goes on: what is there is compared with its keyed digests', async () => {
    await using store = await copyOfGolden(['vm', '.chunks']);
    await using bench = await RestoreBench.open(store.path);
    const [snapshot, archive] = ['vm/200/2026-02-14T17:26:40Z', 'drive-scsi0.img'] as const;
    const missing = digestsOf(join(snapshot, `${archive}.fidx`)).at(-1) ?? '';
    await rm(chunkFile(missing, store.path));
    const key = ['--keyfile', join(goldenFolder, 'key-golden.json')];
    const broken = await bench.restore(snapshot, archive, 'disk.img', '--strategy', 'sequential', ...key);
    assert.equal(broken.exitCode, exitCodes.failed, broken.stderr);
    await writeFile(chunkFile(missing, store.path), await readFile(chunkFile(missing)));
    bench.server.resetCounters();
    const { exitCode, stderr } = await bench.restore(snapshot, archive, 'disk.img', ...key);
    assert.equal(exitCode, exitCodes.fine, stderr);
    assert.doesNotMatch(stderr, /fetched again/u);
    assert.equal(bench.server.counters().reads, 1);
    const facts = expected.snapshots[snapshot]?.files[`${archive}.fidx`];
    assert.equal(await bench.sha256('disk.img'), facts?.original?.sha256);
  });

  test('goes on although its journal is torn, and is refused where its first line is damaged', async () => {
    await brokenOff(async (bench, repair) => {
      await repair();
      const journal = bench.path('disk.img.partial.journal');
      const text = await readFile(journal, 'utf8');
      await writeFile(journal, text.replace('2026', '2027'));
      const refused = await bench.restore(...IMAGE, 'disk.img');
      assert.equal(refused.exitCode, exitCodes.failed);
      assert.match(refused.stderr, /first line of the journal .* cannot be read[^]*--restart/u);
      const written = text.split('\n').filter((line) => !/(?:opened|closed)By/u.test(line));
      assert.match(written.at(-2) ?? '', /restored/u);
      await writeFile(journal, written.join('\n').slice(0, -3));
      bench.server.resetCounters();
      const { exitCode, stderr } = await bench.restore(...IMAGE, 'disk.img');
      assert.equal(exitCode, exitCodes.fine, stderr);
      assert.equal(await bench.sha256('disk.img'), imageFacts?.original?.sha256);
      assert.ok(bench.server.counters().reads > 1, 'what the torn line told of is fetched again');
    });
  });
});
