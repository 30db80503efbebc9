import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { UsageError } from '../../src/model/errors.ts';
import {
  checkDevice,
  describeDevice,
  deviceNumber,
  findBlockDevice,
  openBlockDevice,
  type BlockDevice,
  type KernelFolders,
} from '../../src/target/block-device.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'restorelab-device-'));
});
after(async () => await rm(folder, { recursive: true }));

interface Machine {
  readonly mounts?: readonly string[];
  readonly swaps?: readonly string[];
  readonly holders?: readonly string[];
  readonly partitionHolders?: readonly string[];
  readonly isReadOnly?: boolean;
}

let machines = 0;

/** /sys and /proc of a machine that has /dev/vdb, of 8 MiB, with one partition. */
async function machine({
  mounts = [],
  swaps = [],
  holders = [],
  partitionHolders = [],
  isReadOnly = false,
}: Machine): Promise<KernelFolders> {
  const root = join(folder, String((machines += 1)));
  const device = join(root, 'sys/devices/virtio2/block/vdb');
  const partition = join(device, 'vdb1');
  const folders = [
    join(device, 'holders'),
    join(device, 'queue'),
    partition,
    ...holders.map((name) => join(device, 'holders', name)),
    ...partitionHolders.map((name) => join(partition, 'holders', name)),
    join(root, 'sys/dev/block'),
    join(root, 'proc/self'),
  ];
  for (const path of folders) await mkdir(path, { recursive: true });
  await writeFile(join(device, 'size'), '16384\n');
  await writeFile(join(device, 'ro'), isReadOnly ? '1\n' : '0\n');
  await writeFile(join(device, 'dev'), '254:16\n');
  await writeFile(join(partition, 'dev'), '254:17\n');
  await symlink('../../devices/virtio2/block/vdb', join(root, 'sys/dev/block/254:16'));
  await writeFile(join(root, 'proc/self/mountinfo'), ['22 1 8:1 / / rw - ext4 /dev/sda1 rw', ...mounts, ''].join('\n'));
  await writeFile(
    join(root, 'proc/swaps'),
    ['Filename\tType', ...swaps.map((path) => `${path} partition 1 0`)].join('\n'),
  );
  return { sys: join(root, 'sys'), proc: join(root, 'proc') };
}

const look = async (facts: Machine): Promise<BlockDevice> =>
  await describeDevice('/dev/vdb', '254:16', await machine(facts));

test('a device that nobody uses may be written, if the image fits', async () => {
  const device = await look({});
  assert.deepEqual([device.sizeBytes, device.uses], [8 * 1024 * 1024, []]);
  checkDevice(device, device.sizeBytes);
  assert.throws(
    () => checkDevice(device, device.sizeBytes + 1),
    (error) => error instanceof UsageError && error.code === 'device-too-small' && error.message.includes('8388609'),
  );
});

const uses: readonly (readonly [name: string, facts: Machine, said: RegExp])[] = [
  [
    'that is mounted',
    { mounts: [String.raw`40 22 254:16 / /mnt/a\040b rw - xfs /dev/vdb rw`] },
    /mounted at \/mnt\/a b/u,
  ],
  ['with a partition that is mounted', { mounts: ['40 22 254:17 / /data rw - ext4 /dev/vdb1 rw'] }, /vdb1.*\/data/u],
  ['of a mounted file system on several devices', { mounts: ['40 22 0:45 / /b rw - btrfs /dev/vdb rw'] }, /\/b/u],
  ['that something is built on', { holders: ['dm-3'] }, /dm-3 is built on \/dev\/vdb/u],
  ['with a partition that something is built on', { partitionHolders: ['md0'] }, /md0 is built on \/dev\/vdb1/u],
  ['that is swap space', { swaps: ['/dev/vdb1'] }, /vdb1 is swap space/u],
];

for (const [name, facts, said] of uses) {
  test(`a device ${name} is refused by name`, async () => {
    const device = await look(facts);
    assert.throws(
      () => checkDevice(device, 1),
      (error) => error instanceof UsageError && error.code === 'device-in-use' && said.test(error.message),
    );
  });
}

test('a read-only device is refused', async () => {
  const device = await look({ isReadOnly: true });
  assert.throws(
    () => checkDevice(device, 1),
    (error) => error instanceof UsageError && error.code === 'device-read-only',
  );
});

test('a file, a folder and nothing are no block devices', async () => {
  assert.equal(await findBlockDevice(folder), undefined);
  assert.equal(await findBlockDevice(join(folder, 'nothing')), undefined);
});

test('device numbers come out as the kernel writes them', () => {
  assert.equal(deviceNumber(0xfe11), '254:17');
  // Major 259 and minor 1000000, which do not fit into 8 bits each.
  assert.equal(deviceNumber(Number((0x0f_42n << 20n) * 1n + (259n << 8n) + 0x40n)), '259:1000000');
});

const isRoot = process.getuid?.() === 0;

await describe('a loop device', { skip: isRoot ? false : 'needs root: it makes a block device' }, async () => {
  let device: string | undefined;
  before(async () => {
    const file = join(folder, 'disk');
    await writeFile(file, Buffer.alloc(4 * 1024 * 1024));
    try {
      device = execFileSync('losetup', ['--find', '--show', file], { encoding: 'utf8' }).trim();
    } catch {
      device = undefined;
    }
  });
  after(() => {
    if (device !== undefined) execFileSync('losetup', ['--detach', device]);
  });

  test('is found with its size, and is nobody else’s while it is open', async (context) => {
    if (device === undefined) return context.skip('no loop device could be made');
    const found = await findBlockDevice(device);
    assert.ok(found !== undefined);
    assert.equal(found.sizeBytes, 4 * 1024 * 1024);
    checkDevice(found, found.sizeBytes);
    await using medium = await openBlockDevice(found);
    await medium.file.write(Buffer.from('abc'), 0, 3, 0);
    await assert.rejects(
      openBlockDevice(found),
      (error) => error instanceof UsageError && error.code === 'device-in-use',
    );
  });
});
