import { constants } from 'node:fs';
import { open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { asMachineError, systemErrorCode, UsageError } from '../model/errors.ts';
import { formatBytes } from '../model/units.ts';
import type { RestoreMedium } from './restore-medium.ts';

/** What the kernel says of a block device. */
export interface BlockDevice {
  /** Without links: `/dev/vdb`. */
  readonly path: string;
  /** Major and minor number: `8:16`. */
  readonly number: string;
  readonly sizeBytes: number;
  readonly isReadOnly: boolean;
  /** What uses it or one of its partitions, one clause each. */
  readonly uses: readonly string[];
}

/** Where the kernel tells it; elsewhere only for tests. */
export interface KernelFolders {
  readonly sys: string;
  readonly proc: string;
}

/** Of `size` in /sys/dev/block, whatever the sectors of the device (Documentation/ABI/stable/sysfs-block). */
const SECTOR_BYTES = 512;

/** The block device of this path, or undefined where it is something else or nothing. */
export async function findBlockDevice(
  path: string,
  folders: KernelFolders = { sys: '/sys', proc: '/proc' },
): Promise<BlockDevice | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isBlockDevice() !== true) return undefined;
  return await describeDevice(await realpath(path), deviceNumber(found.rdev), folders);
}

export async function describeDevice(path: string, number: string, { sys, proc }: KernelFolders): Promise<BlockDevice> {
  const folder = join(sys, 'dev/block', number);
  try {
    const read = async (name: string): Promise<string> => (await readFile(join(folder, name), 'utf8')).trim();
    return {
      path,
      number,
      sizeBytes: Number(await read('size')) * SECTOR_BYTES,
      isReadOnly: (await read('ro')) !== '0',
      uses: await listUses(path, number, folder, proc),
    };
  } catch (error) {
    throw asMachineError(error, `looking at the device ${path}`);
  }
}

/**
 * Refuses a device that is in use, read-only or too small.
 * @throws UsageError `device-in-use`, `device-read-only`, `device-too-small`
 */
export function checkDevice({ path, sizeBytes, isReadOnly, uses }: BlockDevice, imageBytes: number): void {
  if (uses.length > 0) {
    throw new UsageError(`the device ${path} is in use: ${uses.join(', ')}`, {
      code: 'device-in-use',
      hint: 'unmount or release it first, or name another device',
    });
  }
  if (isReadOnly) {
    throw new UsageError(`the device ${path} is read-only`, { code: 'device-read-only', hint: 'name another device' });
  }
  if (sizeBytes < imageBytes) {
    throw new UsageError(
      `the image does not fit on ${path}: it has ${formatBytes(imageBytes)} (${imageBytes} bytes), the device ${formatBytes(sizeBytes)} (${sizeBytes} bytes)`,
      { code: 'device-too-small', hint: 'name a device that is at least as large as the image' },
    );
  }
}

/**
 * Opens a device for nobody but this restore: the kernel refuses one that is mounted or otherwise claimed.
 * @throws UsageError `device-in-use`; MachineError
 */
export async function openBlockDevice({ path }: BlockDevice): Promise<RestoreMedium> {
  try {
    // Without O_CREAT, O_EXCL claims a block device (open(2)).
    const file = await open(path, constants.O_RDWR | constants.O_EXCL);
    return {
      path,
      file,
      isNew: false,
      isSparse: false,
      publish: async () => {},
      [Symbol.asyncDispose]: async () => await file.close(),
    };
  } catch (error) {
    if (systemErrorCode(error) === 'EBUSY') {
      throw new UsageError(`the device ${path} is in use`, {
        code: 'device-in-use',
        hint: 'unmount or release it first, or name another device',
      });
    }
    throw asMachineError(error, `opening the device ${path}`);
  }
}

/** As `makedev` of glibc packs them: 12 bits of the minor number lie above 12 bits of the major one. */
export function deviceNumber(rdev: number): string {
  const bits = BigInt(rdev);
  const major = ((bits >> 8n) & 0xfffn) | ((bits >> 32n) & 0xfffff000n);
  const minor = (bits & 0xffn) | ((bits >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

async function listUses(path: string, number: string, folder: string, proc: string): Promise<string[]> {
  const parts = [{ path, number, folder }, ...(await partitionsOf(path, folder))];
  const mounts = (await readFile(join(proc, 'self/mountinfo'), 'utf8')).split('\n').map(parseMount);
  const swaps = await readFile(join(proc, 'swaps'), 'utf8').catch(() => '');
  const uses: string[] = [];
  for (const part of parts) {
    for (const mount of mounts) {
      if (mount.number === part.number || mount.source === part.path)
        uses.push(`${part.path} is mounted at ${mount.at}`);
    }
    if (swaps.split('\n').some((line) => line.split(/\s/u)[0] === part.path)) uses.push(`${part.path} is swap space`);
    const holders = await readdir(join(part.folder, 'holders')).catch((): string[] => []);
    for (const holder of holders) uses.push(`${holder} is built on ${part.path}`);
  }
  return [...new Set(uses)];
}

async function partitionsOf(
  path: string,
  folder: string,
): Promise<{ readonly path: string; readonly number: string; readonly folder: string }[]> {
  const partitions = [];
  for (const name of await readdir(folder)) {
    if (!name.startsWith(basename(await realpath(folder)))) continue;
    const part = join(folder, name);
    const number = await readFile(join(part, 'dev'), 'utf8').catch(() => undefined);
    if (number !== undefined) partitions.push({ path: join(path, '..', name), number: number.trim(), folder: part });
  }
  return partitions;
}

/** One line of mountinfo (proc_pid_mountinfo(5)); blanks in paths are written `\040`. */
function parseMount(line: string): { readonly number: string; readonly at: string; readonly source: string } {
  const fields = line.split(' ');
  const source = fields[fields.indexOf('-') + 2] ?? '';
  return { number: fields[2] ?? '', at: unescapeMount(fields[4] ?? ''), source: unescapeMount(source) };
}

const unescapeMount = (text: string): string =>
  text.replaceAll(/\\(\d{3})/gu, (_, digits: string) => String.fromCodePoint(Number.parseInt(digits, 8)));
