import { join } from 'node:path';

import { GB, MiB } from '../../../src/model/units.ts';
import { median } from '../../../src/stats/quantile.ts';
import type { TrialFigures } from '../ends/restore-control.ts';
import { valueOf, type Block, type Family, type Probe, type RatioRule } from '../family.ts';
import { primitiveProbes, TMPFS_FOLDER, type NamedPrimitive } from './primitives.ts';
import { RestoreClient } from './restore-client.ts';
import { restoreScenario } from './restore-scenarios.ts';
import { rawTransfer } from './transport.ts';
import { TransportRig } from './transport-rig.ts';

const UNIT = 'CPU-s/GB';
const IMAGE_BYTES = 512 * MiB;

/** Compared with one another; the cheapest counts. */
const threadCounts = [1, 2] as const;

const kinds = {
  discard: { compressionRatio: 1, target: '{ kind: discard }', what: 'uncompressed chunks, discarded' },
  zstd: { compressionRatio: 2, target: '{ kind: discard }', what: '2:1 chunks, discarded' },
  file: {
    compressionRatio: 1,
    target: `{ kind: file, path: ${join(TMPFS_FOLDER, `restorelab-bench-${process.pid}.img`)} }`,
    what: 'uncompressed chunks, to a file on tmpfs',
  },
} as const;
type Kind = keyof typeof kinds;

const restoreName = (kind: Kind, threads: number): string => `restore-${kind}-threads-${threads}`;

/** One restore and what its measurement is called. */
const restores = (Object.keys(kinds) as Kind[]).flatMap((kind) =>
  threadCounts.map((threads) => ({
    kind,
    threads,
    measurement: { name: restoreName(kind, threads), unit: UNIT, settings: `16 in flight, ${kinds[kind].what}` },
  })),
);

const RAW_RECEIVE = { name: 'restore-raw-tls-receive', unit: UNIT, settings: 'as raw-tls-receive' };
/** Encoded bytes per plain byte of the 2:1 image, as it was generated: what is received per byte that is restored. */
const STORED_SHARE = { name: 'restore-zstd-stored-share', unit: 'B/B' };

const primitives: readonly NamedPrimitive[] = [
  { primitive: 'copy-pieces', measurement: { name: 'restore-copy', unit: UNIT, settings: 'as copy' } },
  { primitive: 'sha256', measurement: { name: 'restore-sha256', unit: UNIT, settings: '4 MiB at a time' } },
  { primitive: 'sha256-2to1', measurement: { name: 'restore-sha256-2to1', unit: UNIT, settings: '4 MiB at a time' } },
  {
    primitive: 'zstd-2to1',
    measurement: { name: 'restore-zstd-decode', unit: UNIT, settings: 'per GB of plain bytes, 4 MiB at a time' },
  },
  {
    primitive: 'write',
    measurement: { name: 'restore-write', unit: UNIT, settings: '4 MiB at a time into a new file on tmpfs' },
  },
];

const ratios: readonly RatioRule[] = [
  {
    name: 'restore-cpu-over-primitives',
    bound: { atMost: 1.12 },
    needs: [...restoreNames('discard'), RAW_RECEIVE.name, 'restore-copy', 'restore-sha256'],
    pairs: (blocks) =>
      blocks.map((block) => ({
        of: cheapest('discard', blocks, block),
        to: sum(block, RAW_RECEIVE.name, 'restore-copy', 'restore-sha256'),
      })),
  },
  {
    name: 'restore-zstd-cpu-over-primitives',
    bound: { atMost: 1.2 },
    needs: [
      ...restoreNames('zstd'),
      STORED_SHARE.name,
      RAW_RECEIVE.name,
      'restore-copy',
      'restore-sha256-2to1',
      'restore-zstd-decode',
    ],
    pairs: (blocks) =>
      blocks.map((block) => ({
        of: cheapest('zstd', blocks, block),
        to:
          valueOf(block, STORED_SHARE.name) * sum(block, RAW_RECEIVE.name, 'restore-copy') +
          sum(block, 'restore-sha256-2to1', 'restore-zstd-decode'),
      })),
  },
  {
    name: 'restore-file-cpu-over-discard-plus-write',
    bound: { atMost: 1.15 },
    needs: [...restoreNames('file'), ...restoreNames('discard'), 'restore-write'],
    pairs: (blocks) =>
      blocks.map((block) => ({
        of: cheapest('file', blocks, block),
        to: cheapest('discard', blocks, block) + valueOf(block, 'restore-write'),
      })),
  },
];

function restoreNames(kind: Kind): string[] {
  return threadCounts.map((threads) => restoreName(kind, threads));
}

/** The block's value with the number of threads that is the cheapest over all blocks. */
function cheapest(kind: Kind, blocks: readonly Block[], block: Block): number {
  const medianOf = (name: string): number => median(blocks.map((one) => valueOf(one, name))) ?? Number.NaN;
  const [best = ''] = restoreNames(kind).toSorted((a, b) => medianOf(a) - medianOf(b));
  return valueOf(block, best);
}

const sum = (block: Block, ...names: readonly string[]): number =>
  names.reduce((total, name) => total + valueOf(block, name), 0);

/** CPU time of the client's whole process without that of the proof, per GB of plain bytes. */
export const clientCost = ({ clientCpuMs, proofCpuMs, dataBytes }: TrialFigures): number =>
  (clientCpuMs - proofCpuMs) / 1000 / (dataBytes / GB);

/** Whole restores against what their steps cost alone, in CPU time of the client's process per GB of plain bytes. */
export function restoreFamily({ folder }: { readonly folder: string }): Family {
  return {
    name: 'restore',
    measurements: [
      ...restores.map(({ measurement }) => measurement),
      STORED_SHARE,
      RAW_RECEIVE,
      ...primitives.map(({ measurement }) => measurement),
    ],
    ratios,
    minimumBlocks: 5,
    async open(wanted, resources) {
      const isWanted = ({ kind, measurement }: (typeof restores)[number]): boolean =>
        wanted.has(measurement.name) || (kind === 'zstd' && wanted.has(STORED_SHARE.name));
      const probes: Probe[] = [];
      const needed = restores.filter(isWanted);
      if (needed.length > 0) {
        const client = resources.use(await RestoreClient.start(folder));
        for (const { kind, threads, measurement } of needed) {
          probes.push(await restoreProbe(client, kind, threads, measurement.name));
        }
      }
      const rig = new TransportRig(resources, join(folder, 'certificate'));
      if (wanted.has(RAW_RECEIVE.name)) {
        probes.push({
          measurements: [RAW_RECEIVE.name],
          measure: async () => [(await rig.measure(rawTransfer)).receiver],
        });
      }
      return [...probes, ...(await primitiveProbes(primitives, wanted, resources))];
    },
  };
}

/** Its image generated and restored once, so that threads and memory are warm. */
async function restoreProbe(client: RestoreClient, kind: Kind, threads: number, name: string): Promise<Probe> {
  const { compressionRatio, target } = kinds[kind];
  const order = {
    scenario: restoreScenario({
      sizeBytes: IMAGE_BYTES,
      compressionRatio,
      target,
      strategies: [`{ name: window-unordered, inFlight: 16, decodeThreads: ${threads} }`],
    }),
    strategy: 'window-unordered',
    // As in the product; what it costs is in the family `recording`.
    recording: true,
  };
  await client.restore(order);
  return {
    measurements: [name, ...(kind === 'zstd' ? [STORED_SHARE.name] : [])],
    measure: async () => {
      const figures = await client.restore(order);
      return [clientCost(figures), ...(kind === 'zstd' ? [figures.storedShare] : [])];
    },
  };
}
