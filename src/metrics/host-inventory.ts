import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { HostFacts } from '../model/records.ts';

/** An inventory that hangs (a dead network mount) must not hold up a run. */
const TIMEOUT_MS = 5000;

/** Flags that decide what a chunk costs: SHA-256, AES-GCM and its GHASH, CRC-32, and vectors for the rest. */
const relevantFlags = [
  'sha_ni',
  'aes',
  'vaes',
  'pclmulqdq',
  'vpclmulqdq',
  'avx2',
  'avx512f',
  'sha1',
  'sha2',
  'pmull',
  'crc32',
];

/** Of `process.versions`, what restores depend on. */
const relevantVersions = ['node', 'openssl', 'zstd', 'v8', 'uv'];

export interface InventoryOptions {
  /** `process.versions` */
  readonly versions?: Readonly<Record<string, string | undefined>>;
  /** Absolute paths whose file systems and disks are named, e.g. those of target and datastore. */
  readonly folders?: readonly string[];
  readonly timeoutMs?: number;
}

/** The file system that holds a folder, as far as it could be told. */
export interface FolderFacts {
  readonly folder: string;
  readonly mount: string;
  readonly fileSystem: string;
  readonly device: string;
  /** `SSD` or `HDD` as the kernel's rotational flag has it, which a virtual disk sets as it likes. */
  readonly reportedAs?: string;
}

/**
 * What is known of this machine: `cpuModel`, `cores`, `memoryBytes`, `kernel`, and where they could be read `cpuFlags`,
 * `governor`, `physicalCores`, `virtualisation`, `versions`, `folders`. Starts child processes and takes up to a second,
 * so it belongs outside everything that is timed. Never rejects; what could not be read in time is left out.
 */
export async function hostFacts({
  versions,
  folders = [],
  timeoutMs = TIMEOUT_MS,
}: InventoryOptions = {}): Promise<HostFacts> {
  const model = cpus()[0]?.model.trim();
  const known: HostFacts = {
    platform: platform(),
    arch: arch(),
    ...(model === undefined || model === '' || model === 'unknown' ? {} : { cpuModel: model }),
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    ...(versions === undefined ? {} : { versions: pick(versions, relevantVersions) }),
  };
  const inquiries = await Promise.all(
    [processorFacts(), virtualisationFacts(), folderFacts(folders)].map((inquiry) => inTime(inquiry, timeoutMs)),
  );
  return Object.assign({}, ...inquiries, known) as HostFacts;
}

type Facts = Readonly<Record<string, unknown>>;

async function processorFacts(): Promise<Facts> {
  const information = await import('systeminformation');
  const cpu = await information.cpu();
  const flags = new Set(cpu.flags.split(/\s+/u));
  return {
    ...(cpu.brand === '' ? {} : { cpuModel: `${cpu.manufacturer} ${cpu.brand}`.trim() }),
    ...(cpu.flags === '' ? {} : { cpuFlags: relevantFlags.filter((flag) => flags.has(flag)) }),
    ...(cpu.governor === '' ? {} : { governor: cpu.governor }),
    ...(cpu.physicalCores > 0 ? { physicalCores: cpu.physicalCores } : {}),
  };
}

async function virtualisationFacts(): Promise<Facts> {
  const information = await import('systeminformation');
  const { virtual, virtualHost } = await information.system();
  return { virtualisation: virtual ? (virtualHost ?? 'unknown') : 'none' };
}

async function folderFacts(folders: readonly string[]): Promise<Facts> {
  if (folders.length === 0) return {};
  const information = await import('systeminformation');
  const [systems, devices] = await Promise.all([information.fsSize(), information.blockDevices()]);
  const facts = folders.flatMap((folder): FolderFacts[] => {
    const [holder] = systems
      .filter(({ mount }) => contains(mount, folder))
      .sort((a, b) => b.mount.length - a.mount.length);
    if (holder === undefined) return [];
    const disk = devices.find(({ device, name }) => device === holder.fs || name === holder.fs);
    const physical = disk?.physical;
    return [
      {
        folder,
        mount: holder.mount,
        fileSystem: holder.type,
        device: holder.fs,
        ...(physical === undefined || physical === '' ? {} : { reportedAs: physical }),
      },
    ];
  });
  return { folders: facts };
}

const contains = (mount: string, folder: string): boolean =>
  folder === mount || folder.startsWith(mount.endsWith(sep) ? mount : `${mount}${sep}`);

/** What the inquiry found, or nothing when it fails or takes too long. */
async function inTime(inquiry: Promise<Facts>, timeoutMs: number): Promise<Facts> {
  const patience = new AbortController();
  const late = delay(timeoutMs, {}, { signal: patience.signal, ref: false }).catch(() => ({}));
  try {
    return await Promise.race([inquiry, late]);
  } catch {
    return {};
  } finally {
    patience.abort();
  }
}

function pick(
  versions: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(names.flatMap((name) => (versions[name] === undefined ? [] : [[name, versions[name]]])));
}
