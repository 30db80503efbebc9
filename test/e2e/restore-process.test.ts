import assert from 'node:assert/strict';
import { execFileSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { exitCodes } from '../../src/model/errors.ts';
import { copyOfGolden, expected, goldenStore } from '../pbs/datastore/golden.ts';
import { chunkFile, digestsOf } from '../pbs/server/golden-server.ts';
import { RestoreBench } from './restore-bench.ts';
import { canTrace, parseTrace, tracer, type TracedCall } from './traced-calls.ts';

const IMAGE = ['vm/100/2026-02-16T16:30:44Z', 'drive-scsi0.img'] as const;
const sha256 = expected.snapshots[IMAGE[0]]?.files[`${IMAGE[1]}.fidx`]?.original?.sha256;
const isRoot = process.getuid?.() === 0;
/** A process that has not ended by then will not. */
const GIVE_UP_MS = 60_000;

interface Ended {
  readonly exitCode: number | null;
  readonly stderr: string;
}

/** What a process says until it ends. */
async function ending(child: ChildProcess): Promise<Ended> {
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [exitCode] = (await once(child, 'close', { signal: AbortSignal.timeout(GIVE_UP_MS) })) as [number | null];
  return { exitCode, stderr };
}

await describe('the process of a restore', async () => {
  let bench: RestoreBench;
  before(async () => {
    bench = await RestoreBench.open(goldenStore);
    await bench.compile();
  });
  after(async () => await bench[Symbol.asyncDispose]());

  test('gives the whole image to a pipe, however slowly it is read, and nothing else', async () => {
    const child = bench.startRestore([...IMAGE, '-']);
    const ended = ending(child);
    const hash = createHash('sha256');
    for await (const piece of child.stdout ?? []) {
      hash.update(piece as Buffer);
      if (Math.random() < 0.005) await sleep(5);
    }
    const { exitCode, stderr } = await ended;
    assert.equal(exitCode, exitCodes.fine, stderr);
    assert.equal(hash.digest('hex'), sha256);
    assert.match(stderr, /standard output: 48 MiB .* every chunk verified\nlogical /u);
  });

  test('ends when nobody reads its output any more, and says that not all was taken', async () => {
    const child = bench.startRestore([...IMAGE, '-']);
    const ended = ending(child);
    await once(child.stdout ?? child, 'data');
    child.stdout?.destroy();
    const { exitCode, stderr } = await ended;
    assert.equal(exitCode, exitCodes.machine);
    assert.match(stderr, /reader of standard output has gone/u);
  });

  test('that writes to a reader who does not read can be interrupted', async () => {
    const child = bench.startRestore([...IMAGE, '-']);
    const ended = ending(child);
    await once(child.stdout ?? child, 'readable');
    await sleep(200);
    child.kill('SIGINT');
    await once(child, 'exit');
    child.stdout?.destroy();
    assert.equal((await ended).exitCode, exitCodes.interrupted);
  });

  test('by Ctrl-C leaves what it has and says how to go on; the same again ends it', async () => {
    bench.server.setStorage({ readLatencyMs: 150, queueDepth: 1 });
    const child = bench.startRestore([...IMAGE, 'stopped.img']);
    const ended = ending(child);
    bench.server.resetCounters();
    while (bench.server.counters().reads < 3) await sleep(5);
    child.kill('SIGINT');
    const { exitCode, stderr } = await ended;
    bench.server.setStorage({ readLatencyMs: 0, queueDepth: 32 });
    assert.equal(exitCode, exitCodes.interrupted, stderr);
    assert.match(
      stderr,
      /interrupted by SIGINT\n.*stopped\.img\.partial has .* of 48 MiB\nhint: the same command again/u,
    );
    assert.deepEqual(await bench.files('stopped'), ['stopped.img.partial', 'stopped.img.partial.journal']);
    bench.server.resetCounters();
    assert.equal((await bench.restore(...IMAGE, 'stopped.img')).exitCode, exitCodes.fine);
    assert.equal(await bench.sha256('stopped.img'), sha256);
    const all = digestsOf(join(IMAGE[0], `${IMAGE[1]}.fidx`)).length;
    assert.ok(bench.server.counters().reads < all, 'what was written before the signal is kept');
  });

  test('keeps a second one from its target', async () => {
    bench.server.setStorage({ readLatencyMs: 300, queueDepth: 1 });
    const child = bench.startRestore([...IMAGE, 'shared.img']);
    const ended = ending(child);
    while ((await bench.files('shared.img.partial')).length < 2) await sleep(20);
    await sleep(50);
    for (const more of [[], ['--restart']]) {
      const { exitCode, stderr } = await bench.restore(...IMAGE, 'shared.img', ...more);
      assert.equal(exitCode, exitCodes.usage, stderr);
      assert.match(stderr, new RegExp(`process ${child.pid} is restoring to .*shared\\.img`, 'u'));
    }
    bench.server.setStorage({ readLatencyMs: 0, queueDepth: 32 });
    assert.equal((await ended).exitCode, exitCodes.fine);
    assert.equal(await bench.sha256('shared.img'), sha256);
  });

  test('for which files may not become large enough ends with 5, and goes on when they may', async () => {
    const args = [...IMAGE, 'large.img'];
    const limited = await ending(bench.startRestore(args, ['sh', '-c', 'ulimit -f 20000; exec "$@"', 'sh']));
    assert.equal(limited.exitCode, exitCodes.machine, limited.stderr);
    assert.match(limited.stderr, /large\.img\.partial.*EFBIG.*\nhint: .*ulimit -f/u);
    const again = await ending(bench.startRestore(args));
    assert.equal(again.exitCode, exitCodes.fine, again.stderr);
    assert.equal(await bench.sha256('large.img'), sha256);
  });

  test('makes data durable before it notes and before it renames them, and forgets its journal last', async (context) => {
    if (!canTrace()) return context.skip('strace is not there, or may not look at processes');
    const log = bench.path('calls');
    const child = bench.startRestore([...IMAGE, 'traced.img'], tracer(log));
    const { exitCode, stderr } = await ending(child);
    assert.equal(exitCode, exitCodes.fine, stderr);
    const calls = parseTrace(await readFile(log, 'utf8'));
    const about = (path: string, names: RegExp): TracedCall[] =>
      calls.filter(({ name, arguments: text }) => names.test(name) && text.includes(path));
    const partial = `<${bench.path('traced.img.partial')}>`;
    const writes = about(partial, /^pwrite64$/u);
    const syncs = about(partial, /^f(?:data)?sync$/u);
    assert.ok(writes.length > 1);

    const notes = about(`<${bench.path('traced.img.partial.journal')}>`, /write/u).filter((note) =>
      note.arguments.includes('restored'),
    );
    assert.ok(notes.length > 0);
    for (const note of notes) {
      const ranges = [...note.arguments.matchAll(/\[(\d+),(\d+)\]/gu)].map(([, from, length]) => [
        Number(from),
        Number(length),
      ]);
      for (const write of writes) {
        const offset = Number(/, (\d+)$/u.exec(write.arguments)?.[1]);
        const isNoted = ranges.some(([from = 0, length = 0]) => offset >= from && offset < from + length);
        const isDurable = syncs.some((sync) => sync.began > write.ended && sync.ended < note.began);
        assert.ok(!isNoted || isDurable, `the write at ${offset} is noted, and not durable`);
      }
    }

    const [renamed] = about('traced.img.partial"', /^rename/u);
    assert.ok(renamed !== undefined);
    const lastWrite = Math.max(...writes.map(({ ended }) => ended));
    assert.ok(syncs.some((sync) => sync.name === 'fsync' && sync.began > lastWrite && sync.ended < renamed.began));
    const [removed] = about('traced.img.partial.journal"', /^unlink/u);
    assert.ok(removed !== undefined);
    const folderSyncs = about(`<${bench.folder}>`, /^fsync$/u);
    assert.ok(folderSyncs.some((sync) => sync.began > renamed.ended && sync.ended < removed.began));
    assert.ok(folderSyncs.some((sync) => sync.began > removed.ended));
  });
});

await describe('a restore for which there is no room', { skip: isRoot ? false : 'needs root: it mounts' }, async () => {
  test('ends with 5, leaves nothing that looks done, and goes on when there is', async () => {
    await using bench = await RestoreBench.open(goldenStore);
    const disk = bench.path('disk');
    await mkdir(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=20m', 'tmpfs', disk]);
    try {
      const { exitCode, stderr } = await bench.restore(...IMAGE, 'disk/full.img', '--in-flight', '2');
      assert.equal(exitCode, exitCodes.machine, stderr);
      assert.match(stderr, /full\.img\.partial.*(?:ENOSPC|no space)[^]*hint: .*space[^]*the same command again/iu);
      assert.deepEqual((await readdir(disk)).toSorted(), ['full.img.partial', 'full.img.partial.journal']);
      execFileSync('mount', ['-o', 'remount,size=200m', disk]);
      const again = await bench.restore(...IMAGE, 'disk/full.img');
      assert.equal(again.exitCode, exitCodes.fine, again.stderr);
      assert.match(again.stderr, /Going on: [1-9].* are there/u);
      assert.equal(await bench.sha256('disk/full.img'), sha256);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

await describe('a restore whose server dies', async () => {
  test('ends with 4, and goes on with another server that has the snapshot', async () => {
    await using first = await RestoreBench.open(goldenStore);
    await using second = await RestoreBench.open(goldenStore);
    first.server.setStorage({ readLatencyMs: 100, queueDepth: 1 });
    first.server.resetCounters();
    const restoring = first.restore(...IMAGE, 'disk.img');
    while (first.server.counters().reads < 3) await sleep(5);
    await first.server[Symbol.asyncDispose]();
    const { exitCode, stderr } = await restoring;
    assert.equal(exitCode, exitCodes.server, stderr);
    assert.match(stderr, /connection .* lost[^]*disk\.img\.partial has .*\nhint: the same command again/u);
    const { PBS_REPOSITORY = '', PBS_FINGERPRINT = '' } = second.workbench.env;
    Object.assign(first.workbench.env, { PBS_REPOSITORY, PBS_FINGERPRINT });
    const again = await first.restore(...IMAGE, 'disk.img');
    assert.equal(again.exitCode, exitCodes.fine, again.stderr);
    assert.match(again.stderr, /Going on/u);
    assert.equal(await first.sha256('disk.img'), sha256);
  });
});

await describe('a restore whose snapshot is removed meanwhile', async () => {
  test('names the chunk that is missing, and leaves nothing that looks done', async () => {
    await using store = await copyOfGolden(['vm', '.chunks']);
    await using bench = await RestoreBench.open(store.path);
    bench.server.setStorage({ readLatencyMs: 200, queueDepth: 1 });
    bench.server.resetCounters();
    const restoring = bench.restore(...IMAGE, 'disk.img', '--in-flight', '1');
    while (bench.server.counters().reads < 2) await sleep(5);
    // As `forget` and a garbage collection leave it.
    await rm(join(store.path, IMAGE[0]), { recursive: true });
    for (const digest of digestsOf(join(IMAGE[0], `${IMAGE[1]}.fidx`)))
      await rm(chunkFile(digest, store.path), { force: true });
    const { exitCode, stderr } = await restoring;
    assert.equal(exitCode, exitCodes.failed, stderr);
    assert.match(stderr, /chunk [0-9a-f]{64} is missing/u);
    assert.deepEqual(await bench.files('disk'), ['disk.img.partial', 'disk.img.partial.journal']);
    const again = await bench.restore(...IMAGE, 'disk.img');
    assert.equal(again.exitCode, exitCodes.usage);
    assert.match(again.stderr, /no snapshot/u);
  });
});
