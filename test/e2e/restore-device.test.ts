import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { exitCodes } from '../../src/model/errors.ts';
import { MiB } from '../../src/model/units.ts';
import { copyOfGolden, expected } from '../pbs/datastore/golden.ts';
import { chunkFile, digestsOf } from '../pbs/server/golden-server.ts';
import { RestoreBench } from './restore-bench.ts';

const IMAGE = ['vm/100/2026-02-16T16:30:44Z', 'drive-scsi0.img'] as const;
const SIZE = 48 * MiB;
const sha256 = expected.snapshots[IMAGE[0]]?.files[`${IMAGE[1]}.fidx`]?.original?.sha256;

/** A loop device of this size whose bytes are all ones, or undefined where none can be made. */
function loopDevice(file: string): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  try {
    return execFileSync('losetup', ['--find', '--show', file], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return undefined;
  }
}

await describe('a restore to a block device', async () => {
  let folder: string;
  let device: string | undefined;
  let small: string | undefined;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'restorelab-device-'));
    await writeFile(join(folder, 'disk'), Buffer.alloc(SIZE + MiB, 0xff));
    await writeFile(join(folder, 'small'), Buffer.alloc(MiB));
    device = loopDevice(join(folder, 'disk'));
    small = loopDevice(join(folder, 'small'));
  });
  after(async () => {
    for (const loop of [device, small]) if (loop !== undefined) execFileSync('losetup', ['--detach', loop]);
    await rm(folder, { recursive: true });
  });

  async function hashOf(path: string): Promise<string> {
    await using file = await open(path);
    const hash = createHash('sha256');
    for await (const piece of file.createReadStream({ end: SIZE - 1, autoClose: false })) hash.update(piece as Buffer);
    return hash.digest('hex');
  }

  test('asks, writes zeros too, is incomplete until all is there, and goes on', async (context) => {
    if (device === undefined || small === undefined) return context.skip('no block device can be made here');
    await using store = await copyOfGolden(['vm', '.chunks']);
    await using bench = await RestoreBench.open(store.path);
    const journals = async (): Promise<string[]> =>
      await readdir(join(bench.folder, 'state/restorelab/restores')).catch((): string[] => []);

    const unasked = await bench.restore(...IMAGE, device);
    assert.equal(unasked.exitCode, exitCodes.usage);
    assert.match(unasked.stderr, /Everything on \/dev\/loop\d+ \(49 MiB\) will be overwritten[^]*--force/u);
    const tooSmall = await bench.restore(...IMAGE, small, '--force');
    assert.equal(tooSmall.exitCode, exitCodes.usage);
    assert.match(tooSmall.stderr, /does not fit on \/dev\/loop/u);
    assert.deepEqual(await journals(), []);
    assert.equal((await readFile(device)).indexOf(0), -1, 'nothing was written');

    // The chunk that the image needs last.
    const missing = chunkFile(digestsOf(join(IMAGE[0], `${IMAGE[1]}.fidx`)).at(-1) ?? '', store.path);
    const chunk = await readFile(missing);
    await rm(missing);
    const broken = await bench.restore(...IMAGE, device, '--force', '--strategy', 'sequential');
    assert.equal(broken.exitCode, exitCodes.failed);
    assert.match(
      broken.stderr,
      new RegExp(`${device} is incomplete: it has .* of 48 MiB\nhint: once the damage is repaired`, 'u'),
    );
    assert.deepEqual(await journals(), [`${encodeURIComponent(device.slice(1))}.journal`]);
    await writeFile(missing, chunk);
    const listed = await bench.workbench.command(['cache']);
    assert.match(listed.stdout, new RegExp(`${device} is incomplete: it has .* of 48 MiB of drive-scsi0`, 'u'));

    bench.server.resetCounters();
    const { exitCode, stderr } = await bench.restore(...IMAGE, device, '--force');
    assert.equal(exitCode, exitCodes.fine, stderr);
    assert.equal(bench.server.counters().reads, 1);
    assert.equal(await hashOf(device), sha256);
    assert.deepEqual(await journals(), []);
    assert.doesNotMatch((await bench.workbench.command(['cache'])).stdout, /incomplete/u);
    assert.ok(
      (await readFile(device)).subarray(SIZE).every((byte) => byte === 0xff),
      'behind the image nothing is',
    );
  });

  for (const [answer, exitCode] of [
    ['yes', exitCodes.fine],
    ['no', exitCodes.usage],
  ] as const) {
    test(`asked for on a terminal: ${answer}`, async (context) => {
      if (device === undefined) return context.skip('no block device can be made here');
      await using store = await copyOfGolden(['vm', '.chunks']);
      await using bench = await RestoreBench.open(store.path);
      const asked = { stdin: [`${answer}\n`], isTerminal: true };
      const result = await bench.workbench.command(['restore', ...IMAGE, device], asked);
      assert.equal(result.exitCode, exitCode, result.stderr);
      assert.match(result.stderr, /Everything on .* will be overwritten\. Type y or yes to go on: /u);
    });
  }
});
